package world

// A Pullable is a handle whose values come from goroutines of the program, as those of a
// door do. Such a goroutine can bring its value into the machine itself, and run the
// machine, so that it need not wait until other goroutines have done so.
//
// A ground that pulls calls SetPuller once, before anything else. It calls Recv for the
// opening value only, and then TryRecv. Other grounds call Recv for each value.
type Pullable interface {
	Handle

	// SetPuller gives the handle the Puller that takes its values. It must not call it.
	SetPuller(p Puller)

	// TryRecv is Recv without blocking. If there is no value, it returns nil and no
	// error. If it leaves values behind, or the end, it calls Ready. The rules of [Handle] apply to it as to Recv: it is called from one
	// goroutine at a time. That may be any goroutine that calls the Puller.
	TryRecv() (value any, err error)
}

// A Puller takes the values of a [Pullable] into the machine. When the handle has a new
// value, somebody must call one of the methods. Any goroutine may do so at any time; once
// the device is closed, they do nothing.
type Puller interface {
	// Pull takes a value in the goroutine of the caller, if the ground may receive one now
	// and no other goroutine is taking one. It then runs the machine, if no other
	// goroutine does, until the machine has done its work for the value, and gives the
	// handle its commands. So the handle may have the answer when Pull returns. Goroutines
	// of the ground do the rest: they take further values, and write to other devices.
	//
	// Pull never waits for the machine, but it runs transition functions. It returns late
	// if one of them does, and one that calls [runtime.Goexit] ends the goroutine of the
	// caller. The caller must hold no lock that the methods of the handle take.
	Pull()

	// Ready makes a goroutine of the ground take the values. It returns at once, and the
	// caller may hold any lock of the handle.
	Ready()
}
