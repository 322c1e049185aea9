package world

import "syscall"

// winsock maps the error numbers of Windows sockets to the names of the portable
// ones. Package syscall has invented values for the portable ones, which Windows
// itself never returns.
var winsock = map[syscall.Errno]string{
	10004: "EINTR",
	10009: "EBADF",
	10013: "EACCES",
	10022: "EINVAL",
	10024: "EMFILE",
	10035: "EAGAIN",
	10040: "EMSGSIZE",
	10045: "EOPNOTSUPP",
	10047: "EAFNOSUPPORT",
	10048: "EADDRINUSE",
	10049: "EADDRNOTAVAIL",
	10050: "ENETDOWN",
	10051: "ENETUNREACH",
	10052: "ENETRESET",
	10053: "ECONNABORTED",
	10054: "ECONNRESET",
	10055: "ENOBUFS",
	10057: "ENOTCONN",
	10060: "ETIMEDOUT",
	10061: "ECONNREFUSED",
	10065: "EHOSTUNREACH",
}

// kindOfNumber returns the kind of an error number of this system, or "".
func kindOfNumber(err error) string {
	if n, ok := err.(syscall.Errno); ok {
		return winsock[n]
	}
	return ""
}
