// Package journal keeps what enters a machine, which is all that is needed to
// live through a run again: to recover it after a crash, to replay it bit for
// bit, to look at any of its moments, and to try what would have happened
// otherwise.
//
// Give a [Journal] to a ground, and that is all there is to do:
//
//	j, err := journal.Open("chat.journal")
//	if err != nil { … }
//	err = (&ground.Ground{Journal: j}).Run(ctx, boot...)
//
// Every input is written down before the machine is given it. When the program is
// started again, however it has ended, Run has the machine live through the inputs
// that are in the journal, with nothing carried out, and goes on from there. What
// was open is opened again: listeners listen, alarms that fell due ring, and what
// cannot be taken up again, such as a connection, comes to its end with a reason.
// So those who were lost in the crash are seen to be absent, and the program needs
// no code for any of it.
//
// # What is promised
//
// What is on disk when is said by [Durability]. With [Sync], which is the default,
// a command is carried out only when the inputs before it are on disk: nothing
// that the world has seen can be lost. Commands that were not carried out when a
// program crashed never will be: they are carried out at most once.
//
// A journal that fails, because the disk is full or broken, stops the machine. It
// is never tried again as if nothing had happened.
//
// A torn end, as a crash leaves behind, is cut off, and reported. Damage before
// that is refused, with its position; see [Config].Cut. Records are bound to each
// other by hashes, so that changes show: see [Verify].
//
// # What can be journalled
//
// Values from devices, and commands that are reported, are written down in CBOR,
// by package codec, and so have to be data of registered types: see
// [world.Register]. A value that cannot be written down is an error where it
// enters: its device ends with a reason that wraps [world.ErrNotRecordable].
//
// # Looking back
//
// [Read] opens a journal as a [History], in any program. With the program that
// has written it, or another build of it, a History can be replayed
// ([History.Replay]): every so many inputs the journal has a [vm.Digest] of what the
// machine has done, so that a replay shows whether it does the same; a
// [DivergenceError] says where it does not. [History.Record] opens it as a
// [Recording], which can be looked at at any [Moment], compared ([Diff]), and
// parted from ([Recording.Branch]); [Recording.Shrink] finds a short run that
// still goes wrong.
//
// # Snapshots
//
// If all processes of a machine are of types that the [Config] knows
// ([actions.Type]), snapshots are taken now and then, while the machine runs, and
// recovery begins with the newest. If some are not, the log names them.
package journal

import ()

import ()
