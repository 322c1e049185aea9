package follow

import (
	"errors"
	"io/fs"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/go-marketplace/marketplace/actions"
	"github.com/go-marketplace/marketplace/topic"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/vmtest"
	"github.com/go-marketplace/marketplace/world"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestFollow(t *testing.T) {
	clock := world.NewManualClock("test", time.Time{})
	c := Config{Every: time.Second, Clock: clock}
	m := vmtest.Run(t, c.Driver())

	ann := vmtest.Subscriber(m, In("log"))
	log := m.Device(c.file("log"))
	ann.ExpectNothing() // it is not open yet
	log.Value(opened{})
	ann.ExpectPresence(Line{File: "log"})
	log.Value(Line{"log", "hello"})
	ann.ExpectMessages(Line{"log", "hello"})

	bob := vmtest.Subscriber(m, In("log"))
	bob.ExpectPresence(Line{File: "log"})
	ann.Close(nil)
	log.Value(Line{"log", "bob?"})
	bob.ExpectMessages(Line{"log", "bob?"})
	bob.Close(nil)
	if log.IsOpen() {
		t.Error("nobody wants the file, and it is open")
	}

	vmtest.Golden(t, "testdata/follow.golden", m.Trace())
}

func TestFailure(t *testing.T) {
	c := Config{Every: time.Second, Clock: world.NewManualClock("test", time.Time{})}
	m := vmtest.Run(t, c.Driver())
	ann, bob := vmtest.Subscriber(m, In("log")), vmtest.Subscriber(m, In("other"))

	m.Device(c.file("log")).End(&fs.PathError{Op: "open", Path: "log", Err: fs.ErrPermission})
	ann.ExpectPresence(Line{File: "log"})
	ann.ExpectAbsence(Line{File: "log"}, fs.ErrPermission)

	other := m.Device(c.file("other"))
	other.Value(opened{}, Line{"other", "all is well"})
	bob.ExpectPresence(Line{File: "other"})
	bob.ExpectMessages(Line{"other", "all is well"})
	other.End(errors.New("the disk is gone"))
	if heard := bob.Take(); len(heard) != 1 || heard[0].Kind != actions.Absence || heard[0].Reason.Error() != "the disk is gone" {
		t.Errorf("told of %v", heard)
	}
}

// Nobody asks for a file who wants to hear of all that are followed anyway.
func TestAllFiles(t *testing.T) {
	m := vmtest.Run(t, Config{}.Driver(), actions.Spawn(vm.Nested(Relay(), vmtest.Here("inside"))))
	all := vmtest.Subscriber(m, topic.All[Line]())
	vmtest.Subscriber(m.At("inside"), topic.All[Line]())
	if held := m.Devices(); len(held) > 0 {
		t.Errorf("held are %v", held)
	}
	vmtest.Subscriber(m, In("log"))
	log := m.Devices()[0]
	log.Value(opened{}, Line{"log", "hello"})
	all.ExpectPresence(Line{File: "log"})
	all.ExpectMessages(Line{"log", "hello"})
}

func TestRelay(t *testing.T) {
	m := vmtest.Run(t, Config{}.Driver(), actions.Spawn(vm.Nested(Relay(),
		actions.Spawn(vm.Nested(Relay(), vmtest.Here("inside"))))))
	ann := vmtest.Subscriber(m.At("inside"), In("log"))
	log := m.Devices()[0]
	log.Value(opened{}, Line{"log", "hello"})
	ann.ExpectPresence(Line{File: "log"})
	ann.ExpectMessages(Line{"log", "hello"})
	ann.Close(nil)
	if log.IsOpen() {
		t.Error("nobody wants the file, and it is open")
	}
}

func TestMistakes(t *testing.T) {
	defer func() {
		if p := recover(); p != "follow: Config.Every is negative; leave it zero for the default" {
			t.Errorf("panic %v", p)
		}
	}()
	Config{Every: -1}.Driver()
}
