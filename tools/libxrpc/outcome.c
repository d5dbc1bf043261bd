// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What outcomes and errors are called, and which error means which outcome. */

#include <errno.h>
#include <string.h>

#include "internal.h"

#ifndef XRPC_VERSION
#define XRPC_VERSION "unknown"
#endif

__export const char *xrpc_version(void)
{
	return XRPC_VERSION;
}

__export const char *xrpc_outcome_name(int outcome)
{
	switch (outcome) {
	case XRPC_REPLIED:
		return "replied";
	case XRPC_NOT_EXECUTED:
		return "not executed";
	default:
		return "unknown";
	}
}

__export enum xrpc_outcome xrpc_error_outcome(int error)
{
	switch (error) {
	case 0:
		return XRPC_REPLIED;
	case ECONNREFUSED:
	case EBUSY:
	case ESHUTDOWN:
	case EHOSTUNREACH:
	case ETIME:
	case ECANCELED:
		return XRPC_NOT_EXECUTED;
	default:
		return XRPC_UNKNOWN;
	}
}

/* Errors by which the kernel refuses a call before there is one. */
static bool refused_locally(int error)
{
	switch (error) {
	case EINVAL:
	case EMSGSIZE:
	case EPIPE:
	case EDESTADDRREQ:
	case ENOTCONN:
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
	case EACCES:
	case EPERM:
	case EBADF:
	case ENOTTY:
	case ENOMEM:
	case ENOBUFS:
		return true;
	default:
		return false;
	}
}

/**
 * xrpc_call_outcome() - how a call ended whose XRPC_IOC_CALL failed
 * @error: errno of the ioctl
 * @told: outcome as the kernel wrote it, or any value it never writes
 *
 * A reply that cannot be had is no reply: the call ran, but the caller cannot
 * know what came of it.  So the doubtful is unknown, never not executed.
 *
 * Return: XRPC_NOT_EXECUTED or XRPC_UNKNOWN.
 */
enum xrpc_outcome xrpc_call_outcome(int error, uint32_t told)
{
	if (told == XRPC_NOT_EXECUTED)
		return XRPC_NOT_EXECUTED;
	if (told == XRPC_UNKNOWN || told == XRPC_REPLIED)
		return XRPC_UNKNOWN;
	if (refused_locally(error) || xrpc_error_outcome(error) == XRPC_NOT_EXECUTED)
		return XRPC_NOT_EXECUTED;
	return XRPC_UNKNOWN;
}

static const struct {
	int error;
	const char *text;
} texts[] = {
	{ ECONNREFUSED,	"There is no such service" },
	{ EBUSY,	"The service has too many calls waiting" },
	{ ESHUTDOWN,	"The service takes no more calls" },
	{ EHOSTUNREACH,	"The host cannot be reached" },
	{ ETIME,	"The deadline passed before the call could run" },
	{ ETIMEDOUT,	"No reply came in time" },
	{ ECONNRESET,	"The server forgot the call or ended during it" },
	{ EINTR,	"Interrupted by a signal" },
	{ EAFNOSUPPORT,	"This kernel has no AF_XRPC: is the xrpc module loaded?" },
	{ EPFNOSUPPORT,	"Another protocol holds the number of AF_XRPC" },
	{ EALREADY,	"The call was answered before" },
	{ ECANCELED,	"The client gave up the call" },
	{ EMSGSIZE,	"The message is longer than 65536 bytes" },
	{ EEXIST,	"A call with this cookie is not finished" },
	{ ENOENT,	"There is no such host or call" },
	{ EIO,		"The name service failed" },
	{ ENOPROTOOPT,	"The loaded xrpc module does not know this option" },
	{ EPROTO,	"The end of a call of this socket is next" },
	{ EADDRINUSE,	"Another socket has the service or the port" },
};

__export const char *xrpc_strerror(int error)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++)
		if (texts[i].error == error)
			return texts[i].text;
	return strerror(error);
}
