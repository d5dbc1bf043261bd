// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Servers: opening one, and receiving and answering by hand. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

static int set_option(int fd, int option)
{
	int on = 1;

	return setsockopt(fd, SOL_XRPC, option, &on, sizeof(on));
}

static int server_socket(const struct sockaddr_xrpc *addr, unsigned int flags)
{
	int fd;

	fd = xrpc_socket(false);
	if (fd < 0)
		return -1;
	if (flags & XRPC_LISTEN_SHARED && set_option(fd, XRPC_REUSEPORT))
		goto err;
	if (flags & XRPC_LISTEN_REPLAYABLE &&
	    set_option(fd, XRPC_ACCEPT_REPLAYABLE))
		goto err;
	if (bind(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		xrpc_addr_error();
		goto err;
	}
	return fd;

err:
	xrpc_socket_close(fd);
	return -1;
}

__export struct xrpc_server *xrpc_listen_addr(const struct sockaddr_xrpc *addr,
					      unsigned int flags)
{
	struct xrpc_server *server;
	int fd;

	if (addr->sxr_family != AF_XRPC || addr->sxr_call ||
	    flags & ~(XRPC_LISTEN_SHARED | XRPC_LISTEN_REPLAYABLE)) {
		errno = EINVAL;
		return NULL;
	}
	fd = server_socket(addr, flags);
	if (fd < 0)
		return NULL;
	server = calloc(1, sizeof(*server));
	if (!server) {
		xrpc_socket_close(fd);
		return NULL;
	}
	server->fd = fd;
	return server;
}

__export struct xrpc_server *xrpc_listen(const char *address,
					 unsigned int flags)
{
	struct sockaddr_xrpc addrs[XRPC_TRIED_MAX];
	struct xrpc_server *server = NULL;
	int i, n;

	n = xrpc_resolve(address, XRPC_RESOLVE_PASSIVE, addrs, ARRAY_SIZE(addrs));
	for (i = 0; i < n && !server; i++) {
		server = xrpc_listen_addr(&addrs[i], flags);
		/* Whoever has the one address shall not hand us the other. */
		if (!server && errno != EADDRNOTAVAIL)
			break;
	}
	return server;
}

__export void xrpc_server_close(struct xrpc_server *server)
{
	if (!server)
		return;
	xrpc_socket_close(server->fd);
	free(server);
}

__export int xrpc_server_fd(const struct xrpc_server *server)
{
	return server->fd;
}

__export int xrpc_server_addr(const struct xrpc_server *server,
			      struct sockaddr_xrpc *addr)
{
	socklen_t len = sizeof(*addr);

	return getsockname(server->fd, (struct sockaddr *)addr, &len);
}

__export void xrpc_server_stop(struct xrpc_server *server)
{
	int error = errno;

	shutdown(server->fd, SHUT_RD);
	errno = error;
}

__export int xrpc_recv(struct xrpc_server *server, void *buf, size_t room,
		       unsigned int flags, struct xrpc_request *req)
{
	struct xrpc_serve_args args = {
		.req = (uintptr_t)buf,
		.req_len = room < XRPC_MSG_MAX ? room : XRPC_MSG_MAX,
		.addr = (uintptr_t)&req->peer,
		.addr_len = sizeof(req->peer),
		.flags = flags & XRPC_DONTWAIT ? XRPC_SERVE_DONTWAIT : 0,
	};

	if (flags & ~XRPC_DONTWAIT) {
		errno = EINVAL;
		return -1;
	}
	memset(req, 0, sizeof(*req));
	if (ioctl(server->fd, XRPC_IOC_SERVE, &args))
		return -1;
	return xrpc_request_fill(req, buf, room, &args);
}

__export int xrpc_answer(struct xrpc_server *server,
			 const struct sockaddr_xrpc *peer, uint32_t status,
			 const void *data, size_t len)
{
	struct iovec iov = { .iov_base = (void *)data, .iov_len = len };
	union {
		struct cmsghdr align;
		char room[CMSG_SPACE(sizeof(status))];
	} control;
	struct msghdr msg = {
		.msg_name = (void *)peer,
		.msg_namelen = sizeof(*peer),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};

	/* Without a handle the kernel would take it for a call to the peer. */
	if (!peer->sxr_call) {
		errno = EINVAL;
		return -1;
	}
	xrpc_cmsg_put(&msg, XRPC_STATUS, &status, sizeof(status));
	return sendmsg(server->fd, &msg, MSG_NOSIGNAL) < 0 ? -1 : 0;
}
