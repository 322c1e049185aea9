package marketplace_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/go-marketplace/marketplace/distributed"
	"github.com/go-marketplace/marketplace/distributed/node"
	"github.com/go-marketplace/marketplace/distributed/outbox"
	"github.com/go-marketplace/marketplace/door"
	"github.com/go-marketplace/marketplace/drivers/console"
	_ "github.com/go-marketplace/marketplace/drivers/inet"
	"github.com/go-marketplace/marketplace/drivers/tcp"
	_ "github.com/go-marketplace/marketplace/drivers/tcp/sharded"
	"github.com/go-marketplace/marketplace/drivers/timer"
	"github.com/go-marketplace/marketplace/drivers/udp"
	"github.com/go-marketplace/marketplace/vm"
	"github.com/go-marketplace/marketplace/world"
)

// TestNamesInJournals: the names under which journals know the types and errors of
// this library never change, wherever those are declared. New ones may be added.
func TestNamesInJournals(t *testing.T) {
	types := strings.Fields(`
		[]byte bool
		console.Line console.Text console.opened console.write
		distributed.Handle distributed.Here distributed.Letter distributed.LogLine distributed.Opaque distributed.Place distributed.Sealed distributed.Up
		distributed.acceptedData distributed.acceptedEnd distributed.acceptedOpen distributed.acceptedSend distributed.acceptedWarn
		distributed.linkBegin distributed.linkData distributed.linkEnd distributed.linkHurry distributed.linkJoined
		distributed.linkLost distributed.linkOpen distributed.linkSend distributed.linkTrouble distributed.linkWarn
		distributed.lobbyAccept distributed.lobbyArrived distributed.lobbyOpen distributed.lobbyWarn distributed.watchNodes
		door.Here door.answer door.batch door.call door.callTag door.feedback door.opened door.over door.ready
		door.subscribe door.taken door.told door.unsubscribe door.wild
		float32 float64
		inet.Addr
		int int16 int32 int64 int8
		node.InProcess node.Launched node.Local node.Member node.Options node.Output node.Restart node.SSH node.Wanted
		node.announcedOpen node.childMeet node.childOpen node.childReady node.exit node.held node.running node.sending
		node.spawning node.withdrawal
		outbox.Box outbox.Delivery outbox.ID outbox.Message outbox.Status outbox.identityDrawn outbox.parcel outbox.receipt
		rpc.Caller rpc.Reply[bool] rpc.Reply[outbox.ID] rpc.Reply[outbox.Status] rpc.Reply[struct{}] rpc.Request[node.held]
		rpc.Request[node.running] rpc.Request[node.sending] rpc.Request[node.spawning] rpc.Request[node.withdrawal]
		rpc.Request[outbox.Box] rpc.Request[outbox.Message] rpc.Stray rpc.Via
		sharded.failed sharded.lost sharded.parted sharded.reported
		string struct{}
		tcp.Control tcp.Data tcp.Listening tcp.Session tcp.Written tcp.accepted tcp.bound tcp.endWriting
		tcp.lastReceived tcp.opened tcp.peerEnded tcp.piece tcp.printing tcp.received tcp.watching tcp.write
		time.Duration time.Time
		timer.Cancel timer.Expired timer.Read timer.Refused timer.Set timer.Time timer.now timer.read timer.wake
		topic.Tuple
		udp.Listening udp.Packet udp.Undelivered udp.burst udp.found udp.opened udp.received udp.send
		uint uint16 uint32 uint64 uint8
		world.AlarmRang world.AlarmSet world.Error world.Exit world.Ref world.ResultOpen`)
	if diff := cmp.Diff(types, world.RegisteredNames()); diff != "" {
		t.Errorf("the names of types are others (-want +got):\n%s", diff)
	}
	for name, err := range map[string]error{
		"console.ErrFull":            console.ErrFull,
		"distributed.ErrCertificate": distributed.ErrCertificate,
		"distributed.ErrHandshake":   distributed.ErrHandshake,
		"distributed.ErrCut":         distributed.ErrCut,
		"distributed.ErrGap":         distributed.ErrGap,
		"distributed.ErrLease":       distributed.ErrLease,
		"distributed.ErrLeft":        distributed.ErrLeft,
		"distributed.ErrLost":        distributed.ErrLost,
		"distributed.ErrMalformed":   distributed.ErrProtocol,
		"distributed.ErrNoAnswer":    distributed.ErrNoAnswer,
		"distributed.ErrNoPlace":     distributed.ErrNoPlace,
		"distributed.ErrNoSession":   distributed.ErrNoSession,
		"distributed.ErrNotAdmitted": distributed.ErrNotAdmitted,
		"distributed.ErrRealm":       distributed.ErrRealm,
		"distributed.ErrRefused":     distributed.ErrRefused,
		"distributed.ErrReplaced":    distributed.ErrReplaced,
		"distributed.ErrSchema":      distributed.ErrSchema,
		"distributed.ErrStale":       distributed.ErrStale,
		"distributed.ErrTooLarge":    distributed.ErrTooLarge,
		"distributed.ErrUnknownType": distributed.ErrUnknownType,
		"distributed.ErrUnreachable": distributed.ErrUnreachable,
		"distributed.ErrUnsendable":  distributed.ErrUnsendable,
		"distributed.ErrVersion":     distributed.ErrVersion,
		"distributed.ErrUnknownNode": distributed.ErrUnknownNode,
		"distributed.ErrWrongNode":   distributed.ErrWrongNode,
		"door.ErrClosed":             door.ErrClosed,
		"door.ErrKeyReused":          door.ErrKeyReused,
		"door.ErrSlow":               door.ErrSlow,
		"door.ErrUncertain":          door.ErrUncertain,
		"node.ErrArguments":          node.ErrArguments,
		"node.ErrConflict":           node.ErrConflict,
		"node.ErrDown":               node.ErrDown,
		"node.ErrEnded":              node.ErrEnded,
		"node.ErrGivenUp":            node.ErrGivenUp,
		"node.ErrLaunch":             node.ErrLaunch,
		"node.ErrNoProgram":          node.ErrNoProgram,
		"node.ErrUnwanted":           node.ErrUnwanted,
		"outbox.ErrForgotten":        outbox.ErrForgotten,
		"outbox.ErrFull":             outbox.ErrFull,
		"outbox.ErrNoReceiver":       outbox.ErrNoReceiver,
		"outbox.ErrTaken":            outbox.ErrTaken,
		"tcp.ErrCertificate":         tcp.ErrCertificate,
		"tcp.ErrControl":             tcp.ErrControl,
		"tcp.ErrHandshake":           tcp.ErrHandshake,
		"tcp.ErrIdle":                tcp.ErrIdle,
		"tcp.ErrInterrupted":         tcp.ErrInterrupted,
		"tcp.ErrLineTooLong":         tcp.ErrLineTooLong,
		"tcp.ErrSettings":            tcp.ErrSettings,
		"tcp.ErrUnclaimed":           tcp.ErrUnclaimed,
		"timer.ErrNegative":          timer.ErrNegative,
		"timer.ErrNoLabel":           timer.ErrNoLabel,
		"timer.ErrNobodyWaits":       timer.ErrNobodyWaits,
		"timer.ErrTwoTimes":          timer.ErrTwoTimes,
		"udp.ErrDestination":         udp.ErrDestination,
		"udp.ErrNames":               udp.ErrNames,
		"udp.ErrTLS":                 udp.ErrTLS,
		"vm.ErrAction":               vm.ErrAction,
		"vm.ErrGoexit":               vm.ErrGoexit,
		"vm.ErrNoOuterLevel":         vm.ErrNoOuterLevel,
		"vm.ErrNotAdvertised":        vm.ErrNotAdvertised,
		"vm.ErrOverflow":             vm.ErrOverflow,
		"vm.ErrPanic":                vm.ErrPanic,
		"vm.ErrRole":                 vm.ErrRole,
		"vm.ErrStateType":            vm.ErrStateType,
		"vm.ErrNotRecordable":        world.ErrNotRecordable,
		"world.ErrClosed":            world.ErrClosed,
		"world.ErrHostNotFound":      world.ErrHostNotFound,
		"world.ErrLookupFailed":      world.ErrLookupFailed,
		"world.ErrLookupTimeout":     world.ErrLookupTimeout,
		"world.ErrNotKept":           world.ErrNotKept,
		"world.ErrSlowConsumer":      world.ErrSlowConsumer,
		"world.ErrStopped":           world.ErrStopped,
		"world.ErrTimeout":           world.ErrTimeout,
	} {
		if !errors.Is(&world.Error{Kind: name}, err) {
			t.Errorf("an error of kind %s in a journal is no %q any more", name, err)
		}
		if e, ok := world.Reduce(err).(*world.Error); !ok || e.Kind != name {
			t.Errorf("%q is encoded as of type %q, and not %s", err, e.Kind, name)
		}
	}
}
