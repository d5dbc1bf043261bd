// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Clients: opening one, and calls that wait for their reply. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

/* No enum xrpc_outcome: still there where the kernel told none. */
#define NOT_TOLD	UINT32_MAX

__export struct xrpc_client *xrpc_open_addr(const struct sockaddr_xrpc *addr)
{
	struct xrpc_client *client;
	int fd;

	if (addr->sxr_family != AF_XRPC || !addr->sxr_port || addr->sxr_call) {
		errno = EINVAL;
		return NULL;
	}
	fd = xrpc_socket(true);
	if (fd < 0)
		return NULL;
	if (connect(fd, (const struct sockaddr *)addr, sizeof(*addr))) {
		xrpc_addr_error();
		goto err;
	}
	client = calloc(1, sizeof(*client));
	if (!client)
		goto err;

	client->fd = fd;
	client->peer = *addr;
	return client;

err:
	xrpc_socket_close(fd);
	return NULL;
}

__export struct xrpc_client *xrpc_open(const char *address)
{
	struct sockaddr_xrpc addrs[XRPC_TRIED_MAX];
	struct xrpc_client *client = NULL;
	int i, n;

	n = xrpc_resolve(address, 0, addrs, ARRAY_SIZE(addrs));
	for (i = 0; i < n && !client; i++)
		client = xrpc_open_addr(&addrs[i]);
	return client;
}

__export void xrpc_close(struct xrpc_client *client)
{
	if (!client)
		return;
	xrpc_socket_close(client->fd);
	free(client);
}

__export int xrpc_client_fd(const struct xrpc_client *client)
{
	return client->fd;
}

__export const struct sockaddr_xrpc *
xrpc_client_peer(const struct xrpc_client *client)
{
	return &client->peer;
}

__export int xrpc_client_set_timeout(struct xrpc_client *client,
				     uint64_t timeout_us)
{
	if (timeout_us > XRPC_DEADLINE_MAX) {
		errno = EINVAL;
		return -1;
	}
	client->timeout_us = timeout_us;
	return 0;
}

__export void xrpc_client_set_replayable(struct xrpc_client *client,
					 bool replayable)
{
	client->replayable = replayable;
}

/* A length that 32 bits cannot hold is not to be taken for a shorter one. */
static int check_lengths(size_t req_len, const void *reply, size_t room)
{
	if (req_len > XRPC_MSG_MAX)
		return -EMSGSIZE;
	if (!reply && room)
		return -EINVAL;
	return 0;
}

static void call_failed(struct xrpc_info *info, int error, uint32_t told)
{
	info->outcome = xrpc_call_outcome(error, told);
	info->error = error;
	errno = error;
}

__export enum xrpc_outcome xrpc_call(struct xrpc_client *client,
				     uint32_t method,
				     const void *req, size_t req_len,
				     void *reply, size_t *reply_len,
				     uint64_t timeout_us,
				     struct xrpc_info *info)
{
	size_t room = reply_len ? *reply_len : 0;
	struct xrpc_call_args args = {
		.req = (uintptr_t)req,
		.reply = (uintptr_t)reply,
		.deadline = timeout_us ? timeout_us : client->timeout_us,
		.req_len = req_len,
		.reply_len = room < XRPC_MSG_MAX ? room : XRPC_MSG_MAX,
		.method = method,
		.flags = client->replayable ? XRPC_CALL_REPLAYABLE : 0,
		.outcome = NOT_TOLD,
	};
	struct xrpc_info unwanted;
	int error;

	if (!info)
		info = &unwanted;
	memset(info, 0, sizeof(*info));
	if (reply_len)
		*reply_len = 0;

	error = check_lengths(req_len, reply, room);
	if (error) {
		call_failed(info, -error, XRPC_NOT_EXECUTED);
		return info->outcome;
	}
	if (ioctl(client->fd, XRPC_IOC_CALL, &args)) {
		call_failed(info, errno, args.outcome);
		return info->outcome;
	}

	info->outcome = XRPC_REPLIED;
	info->status = args.status;
	info->length = args.reply_len;
	if (args.flags & XRPC_CALL_TRUNC)
		info->flags |= XRPC_INFO_TRUNCATED;
	if (reply_len)
		*reply_len = args.reply_len < room ? args.reply_len : room;
	return XRPC_REPLIED;
}
