package world_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"reflect"
	"syscall"
	"time"

	"github.com/go-marketplace/marketplace/world"
)

// Measured is a value that a device of this package delivers.
type Measured struct{ Celsius float64 }

// The package that owns a type registers it while it is initialised.
func init() { world.Register[Measured]("thermometer.Measured") }

func ExampleRegister() {
	name, _ := world.NameOf(reflect.TypeFor[Measured]())
	t, _ := world.Registered("thermometer.Measured")
	fmt.Println(name)
	fmt.Println(t)
	// Output:
	// thermometer.Measured
	// world_test.Measured
}

func ExampleReduce() {
	err := fmt.Errorf("say hello: %w", &net.OpError{
		Op: "dial", Net: "tcp",
		Addr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 80},
		Err:  os.NewSyscallError("connect", syscall.ECONNREFUSED),
	})
	reduced := world.Reduce(err).(*world.Error)
	fmt.Printf("kind %s, op %s, addr %s\n", reduced.Kind, reduced.Op, reduced.Addr)

	// Only these four texts are written to a journal, and read from it.
	restored := &world.Error{Kind: reduced.Kind, Op: reduced.Op, Addr: reduced.Addr, Text: reduced.Text}
	fmt.Println(restored)
	fmt.Println(errors.Is(restored, syscall.ECONNREFUSED))
	// Output:
	// kind ECONNREFUSED, op dial, addr 192.0.2.1:80
	// say hello: dial tcp 192.0.2.1:80: connect: connection refused
	// true
}

// The test moves the time.
func ExampleManualClock() {
	clock := world.NewManualClock("test", time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC))
	clock.AfterFunc(5*time.Minute, func() { fmt.Println("eggs", clock.Now().Format("15:04")) })
	clock.AfterFunc(3*time.Minute, func() { fmt.Println("tea", clock.Now().Format("15:04")) })
	coffee := clock.AfterFunc(4*time.Minute, func() { fmt.Println("coffee") })
	coffee.Stop()

	clock.Advance(10 * time.Minute)
	fmt.Println("breakfast", clock.Now().Format("15:04"))
	// Output:
	// tea 08:03
	// eggs 08:05
	// breakfast 08:10
}

// The calls that a ground makes for a device.
func ExampleAlarm() {
	clock := world.NewManualClock("test", time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC))
	alarm := world.Alarm{Clock: clock, After: 3 * time.Minute, Label: "tea"}
	fmt.Println(alarm.DeviceName())

	handle, err := alarm.Open(context.Background(), nil) // an alarm needs no Env
	if err != nil {
		fmt.Println(err)
		return
	}
	defer handle.Close()
	clock.Advance(3 * time.Minute)
	for {
		value, err := handle.Recv()
		if err != nil {
			fmt.Println("end:", err)
			return
		}
		fmt.Printf("%T\n", value)
	}
	// Output:
	// world.Alarm("test", 180000000000ns, "tea")
	// world.AlarmSet
	// world.AlarmRang
	// end: EOF
}
