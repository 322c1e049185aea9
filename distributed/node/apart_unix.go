//go:build unix

package node

import (
	"os/exec"
	"syscall"
)

// apart puts a process into a group of its own, so that a Ctrl-C in the terminal reaches
// the parent alone, which then ends its nodes in good order.
func apart(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }
