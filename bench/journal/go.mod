module github.com/go-marketplace/marketplace/bench/journal

go 1.26.0

require (
	github.com/go-marketplace/marketplace v0.0.0
	github.com/tidwall/wal v1.2.1
)

require (
	github.com/tidwall/gjson v1.10.2 // indirect
	github.com/tidwall/match v1.2.0 // indirect
	github.com/tidwall/pretty v1.2.0 // indirect
	github.com/tidwall/tinylru v1.1.0 // indirect
)

replace github.com/go-marketplace/marketplace => ../..
