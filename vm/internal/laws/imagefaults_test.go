package laws

import (
	"maps"
	"slices"
	"testing"

	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vm/image"
)

// imageFaults are mistakes that a writer of images could make: what it could
// forget. Each leaves an image that can be restored.
var imageFaults = map[string]func(*image.Image){
	"PIDs": func(im *image.Image) {
		im.Last = 0
		for i := range im.Processes {
			if p := &im.Processes[i]; p.Depth == 0 {
				im.Last = max(im.Last, p.PID)
			}
		}
	},
	"PIDs inside": func(im *image.Image) {
		var hosts []int
		for i := range im.Processes {
			p := &im.Processes[i]
			hosts = append(hosts[:p.Depth], i)
			p.Last = 0
			if p.Depth > 0 {
				im.Processes[hosts[p.Depth-1]].Last = p.PID
			}
		}
	},
	"generation": func(im *image.Image) {
		im.Generation = 0
		for _, p := range im.Processes {
			for _, d := range p.Devices {
				im.Generation = max(im.Generation, d.Generation)
			}
		}
	},
	"incarnation": func(im *image.Image) { im.Incarnation = 0 },
	"limits":      func(im *image.Image) { im.Limits.Steps++ },
	"stats":       func(im *image.Image) { im.Stats = vm.Stats{} },
	"fresh names": eachProcess(func(p *image.Process) { p.Fresh = 0 }),
	"names":       eachProcess(func(p *image.Process) { p.Name = "" }),
	"endpoints that are there": eachProcess(func(p *image.Process) {
		if n := len(p.Endpoints); n > 0 && p.Endpoints[n-1].Inner == 0 && p.Endpoints[n-1].Level == 0 {
			p.Endpoints = p.Endpoints[:n-1]
		}
	}),
	"number of endpoints": eachProcess(func(p *image.Process) {
		p.Seq = 0
		if n := len(p.Endpoints); n > 0 {
			p.Seq = p.Endpoints[n-1].Seq
		}
	}),
	"order of endpoints": eachProcess(func(p *image.Process) {
		if slices.ContainsFunc(p.Endpoints, func(e image.Endpoint) bool { return e.Inner > 0 || e.Level > 0 || e.Anonymous > 0 }) {
			return
		}
		slices.Reverse(p.Endpoints)
		for i := range p.Endpoints {
			p.Endpoints[i].Seq = uint32(i + 1)
		}
	}),
	"demand": eachProcess(func(p *image.Process) {
		for i := range p.Endpoints {
			p.Endpoints[i].Tallies = nil
		}
	}),
	"number of peers": eachProcess(func(p *image.Process) {
		for _, e := range p.Endpoints {
			for i := range e.Tallies {
				e.Tallies[i].Peers = 1
			}
		}
	}),
	"order of devices": eachProcess(func(p *image.Process) {
		if n := len(p.Devices); n > 1 {
			p.Devices[0].Device, p.Devices[n-1].Device = p.Devices[n-1].Device, p.Devices[0].Device
		}
	}),
	"devices": eachProcess(func(p *image.Process) { p.Devices = nil }),
	"pauses": eachProcess(func(p *image.Process) {
		for i := range p.Devices {
			p.Devices[i].Paused = false
		}
	}),
	"monitors": eachProcess(func(p *image.Process) { p.Monitors = nil }),
	"state": eachProcess(func(p *image.Process) {
		if p.Type != "" {
			p.State = slices.Concat(p.State[:len(p.State)-1], []byte(`,"Steps":0}`))
		}
	}),
}

func eachProcess(f func(*image.Process)) func(*image.Image) {
	return func(im *image.Image) {
		for i := range im.Processes {
			f(&im.Processes[i])
		}
	}
}

// TestLawImageCatches plants faults in images. The law has to find each of them
// in how the machine goes on, and not only in how it begins.
func TestLawImageCatches(t *testing.T) {
	for _, name := range slices.Sorted(maps.Keys(imageFaults)) {
		seed := uint64(0)
		for ; seed < 400; seed++ {
			if violations, _ := imageViolations(lawBytes(seed), imageFaults[name]); len(violations) > 0 {
				break
			}
		}
		if seed == 400 {
			t.Errorf("nobody notices that this is forgotten: %s", name)
		}
	}
}

// TestLawImageIsAboutEverything: the random programs use everything that an
// image can hold.
func TestLawImageIsAboutEverything(t *testing.T) {
	seen := map[string]int{}
	see := func(what string, is bool) {
		if is {
			seen[what]++
		} else {
			seen[what] += 0
		}
	}
	eachRandom(t, func(_ uint64, data []byte) {
		imageViolations(data, func(im *image.Image) {
			for _, p := range im.Processes {
				see("machine", p.Type == "")
				see("machine in a machine", p.Type == "" && p.Depth > 0)
				see("fresh name", p.Fresh > 0)
				see("something deleted", int(p.Seq) > len(p.Endpoints))
				see("several devices", len(p.Devices) > 1)
				see("monitor", len(p.Monitors) > 0)
				see("several monitors", len(p.Monitors) > 1)
				see("monitor in a machine", len(p.Monitors) > 0 && p.Depth > 0)
				for _, d := range p.Devices {
					see("paused device", d.Paused)
					see("device in a machine", p.Depth > 0)
				}
				for _, e := range p.Endpoints {
					see("endpoint at level 1", e.Level == 1 && e.Inner == 0)
					see("endpoint at level 2", e.Level == 2 && e.Inner == 0)
					see("endpoint at level 3", e.Level == 3 && e.Inner == 0)
					see("endpoint without a name", e.Anonymous > 0)
					see("endpoint at a meta-level without a name", e.Anonymous > 0 && e.Level > 0)
					see("demand", len(e.Tallies) > 0)
					see("demand at a meta-level", len(e.Tallies) > 0 && e.Level > 0)
					for _, t := range e.Tallies {
						see("several peers", t.Peers > 1)
					}
				}
			}
		})
	})
	for what, n := range seen {
		t.Logf("%s: %d", what, n)
		if n == 0 {
			t.Errorf("no image has a %s", what)
		}
	}
}
