module github.com/go-marketplace/marketplace/examples/chat/browsertest

go 1.26.0

require (
	github.com/chromedp/chromedp v0.23.1
	github.com/go-marketplace/marketplace v0.0.0
)

require (
	github.com/benbjohnson/immutable v0.4.3 // indirect
	github.com/chromedp/cdproto v0.160.1 // indirect
	github.com/fxamacker/cbor/v2 v2.10.0 // indirect
	github.com/go-json-experiment/json v0.0.0-20260213210345-44df1a37e875 // indirect
	github.com/google/go-cmp v0.7.0 // indirect
	github.com/tidwall/match v1.2.0 // indirect
	github.com/x448/float16 v0.8.4 // indirect
	golang.org/x/exp v0.0.0-20220518171630-0b5c67f07fdf // indirect
)

replace github.com/go-marketplace/marketplace => ../../..
