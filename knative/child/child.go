// Package child has the programs that this one starts end with it.
package child

import (
	"os/exec"
	"syscall"
)

// Tie makes a program that is about to be started a group of its own: Ctrl-C is for
// this program alone, which ends the others as it likes. On Linux the kernel kills it
// when the thread that starts it ends, whatever becomes of this program: the caller
// starts it on a thread that lives as long.
func Tie(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

// Yield has the group of a program that was started go after others when processors
// are short.
func Yield(cmd *exec.Cmd) { _ = syscall.Setpriority(syscall.PRIO_PGRP, cmd.Process.Pid, 10) }

// Kill kills what is left of the group of a program that was started.
func Kill(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
