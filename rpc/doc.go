// Package rpc lets processes call each other: ask for an operation, and go on with its
// result.
//
// An operation has a name, and the types of its argument and its result. It is declared
// once:
//
//	var Add = rpc.Define[Change, int]("bank.add")
//
// A server is a process with methods for operations. A method is an ordinary function
// that returns the next state, the result, and an error:
//
//	actions.Spawn(rpc.Serve(accounts{}, rpc.Handle(Add, accounts.add)))
//
//	func (a accounts) add(c Change) (accounts, int, error) { … }
//
// A caller continues with a function that gets the result. It does not wait: it handles
// other events in the meantime, so it can also call itself.
//
//	rpc.CallState(Add, Change{"tony", 10}, session.added)
//
//	func (s session) added(balance int, err error) actions.Transition[session] { … }
//
// Go code that is no process calls with [Do], through a door: see package door.
//
// # What a call promises
//
// The continuation of a call runs once, with a result or with the reason why there is
// none, unless the caller ends before. It never waits for a server that has gone: when
// the last server that has the request goes, the call fails with [ErrGone]. When there
// is none, it fails at once with [ErrNobody], or waits if it is [Patient]. A call can have
// a deadline: see [Within].
//
// A request is carried out at most once by each server that gets it. Usually that is
// one server. If there are several, all that match get it, and the first reply counts;
// [Only] gives each server its share of the arguments. Servers that are members of a
// queue group ([Member]) get the requests in turn.
//
// # Other machines
//
// A call can be made at a [Destination], such as a place of another machine: see [At]. The
// operation, its server and the errors stay the same. Two errors are about the way there:
// [ErrUnreachable] says that the request was not sent, and [ErrGone] that the link was
// lost before the answer came.
//
// # How it works
//
// Calls are conversations like all others, so tools show them, and tests can take part.
// A server subscribes to messages of type [Request], and publishes messages of type
// [Reply]. A caller publishes requests, so it sees servers come and go; and it subscribes
// to the replies to it. These endpoints are opened with the first call, and do not keep
// the process ([actions.AddEndpoint.Passive]). So many calls in a row leave nothing
// behind.
//
// The names of callers are PIDs, which the machine gives, and each caller numbers its
// calls. Nothing is random, and a replay gives the same.
//
// # Saving
//
// A machine can be saved while a server keeps requests to answer them later: an [Ask] is
// plain data. It can be saved while calls have no answer if they continue with a function
// that has a name: see [DefineThen] and [CallThen].
package rpc
