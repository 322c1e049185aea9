package vm

// LogByDefault has m tell what a zero Ground has it tell, and looks after it in
// the same way, but for the timer.
func LogByDefault(m *Machine) *Machine {
	s, err := new(Ground).settings()
	if err != nil {
		panic(err)
	}
	r := &runner{settings: s, machine: m}
	r.setLogger(s.Logger)
	r.attend()
	return m
}
