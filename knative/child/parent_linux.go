package child

import "syscall"

// dieWithParent has the kernel kill the program when its parent thread ends.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }
