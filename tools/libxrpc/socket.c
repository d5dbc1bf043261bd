// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* What clients and servers do alike with their socket. */

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "internal.h"

/* A stranger's family may refuse the type, or take it and know no option. */
static bool foreign(int error)
{
	return error == ESOCKTNOSUPPORT || error == EPROTONOSUPPORT ||
	       error == ENOPROTOOPT || error == EOPNOTSUPP;
}

/**
 * xrpc_socket() - open a socket
 * @told: whether it tells of every call how it ended; of a server's it would
 *	tell which requests were given up, which are no requests
 *
 * Return: the socket, or -1 with errno EPFNOSUPPORT where the number of the
 * family is another protocol's.
 */
int xrpc_socket(bool told)
{
	int on = told;
	int fd;

	fd = socket(AF_XRPC, SOCK_RDM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		goto err;
	if (setsockopt(fd, SOL_XRPC, XRPC_RECVINFO, &on, sizeof(on))) {
		xrpc_socket_close(fd);
		goto err;
	}
	return fd;

err:
	if (foreign(errno))
		errno = EPFNOSUPPORT;
	return -1;
}

/**
 * xrpc_addr_error() - the errno of a failed bind or connect, made unambiguous
 *
 * EAFNOSUPPORT there means that the kernel has no IPv6, say; to the callers of
 * the library it means that there is no AF_XRPC.
 */
void xrpc_addr_error(void)
{
	if (errno == EAFNOSUPPORT)
		errno = EADDRNOTAVAIL;
}

/* Keeps errno, which mostly says why a socket is closed. */
void xrpc_socket_close(int fd)
{
	int error = errno;

	close(fd);
	errno = error;
}

/**
 * xrpc_cmsg_put() - add a control message
 * @msg: the message; msg_controllen counts what is used so far
 * @type: enum xrpc_cmsg
 * @data: its content
 * @len: bytes at @data
 *
 * The caller has made the room.
 *
 * Return: where the content stands.
 */
void *xrpc_cmsg_put(struct msghdr *msg, int type, const void *data, size_t len)
{
	struct cmsghdr *cmsg;

	cmsg = (void *)((char *)msg->msg_control + msg->msg_controllen);
	memset(cmsg, 0, CMSG_SPACE(len));
	cmsg->cmsg_level = SOL_XRPC;
	cmsg->cmsg_type = type;
	cmsg->cmsg_len = CMSG_LEN(len);
	if (len)
		memcpy(CMSG_DATA(cmsg), data, len);
	msg->msg_controllen += CMSG_SPACE(len);
	return CMSG_DATA(cmsg);
}
