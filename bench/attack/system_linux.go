package main

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"strconv"
	"syscall"
	"unsafe"
)

// highestMemory returns the most resident memory that a process has had, in bytes.
func highestMemory(pid int) (int64, bool) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, false
	}
	_, after, _ := bytes.Cut(status, []byte("VmHWM:"))
	line, _, ok := bytes.Cut(after, []byte(" kB"))
	if !ok {
		return 0, false
	}
	kB, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	return kB << 10, err == nil
}

// unsent returns how many bytes the system of the peer has not received yet.
func unsent(c *net.TCPConn) (n int, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return 0, err
	}
	var size int32
	var failure syscall.Errno
	if err := raw.Control(func(fd uintptr) {
		_, _, failure = syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCOUTQ, uintptr(unsafe.Pointer(&size)))
	}); err != nil {
		return 0, err
	}
	if failure != 0 {
		return 0, os.NewSyscallError("ioctl SIOCOUTQ", failure)
	}
	return int(size), nil
}
