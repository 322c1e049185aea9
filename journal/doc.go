// Package journal records the inputs of a machine. They are enough to recover a run
// after a crash, to replay it bit for bit, to inspect the state after any input, and
// to try what would have happened with other inputs.
//
// Give a [Journal] to a ground; nothing else is necessary:
//
//	j, err := journal.Open("chat.journal")
//	if err != nil { … }
//	err = (&ground.Ground{Journal: j}).Run(ctx, boot...)
//
// The journal has every input before the machine gets it. When the program starts
// again, however it has ended, Run replays the inputs in the journal without carrying
// out commands, and goes on from there. It opens again what was open: listeners
// listen, alarms that fell due ring, and a device that cannot go on, such as a
// connection, ends with a reason. So the machine sees the absence of everybody who
// was lost in the crash, and the program needs no code for any of this.
//
// # What is promised
//
// [Durability] says when inputs are on disk. With [Sync], the default, the ground
// carries out a command only when the inputs before it are on disk, so nothing that
// the world has seen can be lost. Commands are carried out at most once: a command
// that was not carried out when a program crashed never will be.
//
// A journal that fails, because the disk is full or broken, stops the machine. It
// does not repeat a write that has failed.
//
// [Open] cuts off a torn end, which a crash may leave, and reports it. It refuses
// a journal that is damaged before its end, and reports the position; see
// [Config].Cut. Hashes bind the records to each other, so that changes show: see
// [Verify].
//
// # What can be journalled
//
// The journal encodes values from devices, and commands that are reported, in CBOR,
// with package codec. So they must be data of registered types: see
// [world.Register]. If a value cannot be encoded, its device ends with a reason that
// wraps [world.ErrNotRecordable].
//
// # Reading a journal
//
// [Read] opens a journal as a [History], in any program. The program that has written
// it, or another build of it, can replay a History ([History.Replay]). At regular
// intervals the journal has a [vm.Digest] of what the machine has done, so that a
// replay shows whether it does the same; a [DivergenceError] says where it does not.
// [History.Record] opens a History as a [Recording]. A Recording gives the state after
// any input ([Moment]), which can be compared with others ([Diff]), and other runs
// that branch off ([Recording.Branch]). [Recording.Shrink] finds a short run that
// still fails.
//
// [Follow] yields the inputs of a journal as a program writes them, in another program or the
// same one. What a follower has had stays in the journal, whatever crashes.
//
// # Snapshots
//
// If the [Config] knows the types of all processes of a machine ([actions.Type]), the
// journal takes snapshots from time to time, while the machine runs, and when it stops, and a
// recovery begins with the newest. If it does not, the log names the processes.
//
// # Another build of the program
//
// Another build of a program goes on from the newest snapshot. What is before that stays as the
// build before has left it, and is replayed by that build: see [Stretch]. The inputs behind the
// snapshot, which only a crash leaves, are compared with what the new build does with them. If
// that differs, the build does not go on, and a [ChangeError] has the choices:
// [Config.Settle] takes a snapshot with the old build, and [Config].Adopt does without a
// comparison. [actions.Versions] brings states up to date, and [Program].Upcast values.
package journal
