package laws

// naiveFaults are mistakes that a naive machine makes on purpose, to show that
// the laws catch them.
type naiveFaults struct {
	NoOrder           bool // the order of hearing is random
	RoundBackwards    bool // the process with the highest PID has the first turn
	ToldBackwards     bool // the process with the highest PID hears first
	ActingInLine      bool // the acting process does not hear first, but in its place
	KillerInLine      bool // nor does it when it has killed another one
	NewcomerFirst     bool // in a pair, the endpoint that comes or goes hears first
	AbsenceForgotten  bool // some are not told of absence
	ObserversVisible  bool // everybody sees observers
	DeadHear          bool // a process that is being ended still runs code
	YieldAtOnce       bool // a yield does not wait
	CrashForgetsQueue bool // what was queued before a crash is not performed
	NoCollection      bool // nobody is ever removed
	ReplaceBlinks     bool // peers hear of a move that does not concern them
	MeetsItself       bool // an endpoint that turns round hears of itself
	EveryoneFirst     bool // each peer counts as the first
	LastStranger      bool // the end of a demand does not say whose demand it was
	LastOneByOne      bool // the machine goes on after each that was told of the end of a demand
	SwallowedNoRound  bool // an event for a meta-level endpoint that is gone has no effect at all
	DownForgotten     bool // nobody is told of the end of a process that it monitors
	OrphansLive       bool // those that a process has bound go on when it has ended
	DownWithoutReason bool // nor for what reason
}
