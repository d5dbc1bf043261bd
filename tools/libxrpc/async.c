// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/* Calls of a client that are started now and finished later. */

#include <errno.h>
#include <string.h>

#include "internal.h"

#define START_FLAGS	(XRPC_START_REPLAYABLE | XRPC_START_ONEWAY | \
			 XRPC_START_DONTWAIT)

/* Room for every control message there is, and one more. */
union control {
	struct cmsghdr align;
	char room[8 * CMSG_SPACE(sizeof(uint64_t))];
};

static void start_cmsgs(struct msghdr *msg, uint32_t method, uint64_t cookie,
			uint64_t deadline, unsigned int flags)
{
	if (method)
		xrpc_cmsg_put(msg, XRPC_METHOD, &method, sizeof(method));
	if (cookie)
		xrpc_cmsg_put(msg, XRPC_COOKIE, &cookie, sizeof(cookie));
	if (deadline)
		xrpc_cmsg_put(msg, XRPC_DEADLINE, &deadline, sizeof(deadline));
	if (flags & XRPC_START_REPLAYABLE)
		xrpc_cmsg_put(msg, XRPC_REPLAYABLE, NULL, 0);
	if (flags & XRPC_START_ONEWAY)
		xrpc_cmsg_put(msg, XRPC_ONEWAY, NULL, 0);
}

__export int xrpc_start(struct xrpc_client *client, uint32_t method,
			uint64_t cookie, const void *req, size_t req_len,
			uint64_t timeout_us, unsigned int flags)
{
	struct iovec iov = { .iov_base = (void *)req, .iov_len = req_len };
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
	};
	int msg_flags = MSG_NOSIGNAL;

	if (flags & ~START_FLAGS) {
		errno = EINVAL;
		return -1;
	}
	if (!timeout_us)
		timeout_us = client->timeout_us;
	if (client->replayable)
		flags |= XRPC_START_REPLAYABLE;
	if (flags & XRPC_START_DONTWAIT)
		msg_flags |= MSG_DONTWAIT;

	start_cmsgs(&msg, method, cookie, timeout_us, flags);
	return sendmsg(client->fd, &msg, msg_flags) < 0 ? -1 : 0;
}

/* Returns true where it told the outcome, as one does of every ended call. */
static bool read_cmsg(struct cmsghdr *cmsg, uint64_t *cookie,
		      struct xrpc_info *info)
{
	const void *data = CMSG_DATA(cmsg);
	struct xrpc_result result;

	if (cmsg->cmsg_level != SOL_XRPC)
		return false;

	switch (cmsg->cmsg_type) {
	case XRPC_COOKIE:
		memcpy(cookie, data, sizeof(*cookie));
		break;
	case XRPC_STATUS:
		memcpy(&info->status, data, sizeof(info->status));
		break;
	case XRPC_OUTCOME:
		memcpy(&result, data, sizeof(result));
		info->outcome = result.outcome;
		info->error = result.error;
		return true;
	}
	return false;
}

__export int xrpc_finish(struct xrpc_client *client, uint64_t *cookie,
			 void *reply, size_t *reply_len, unsigned int flags,
			 struct xrpc_info *info)
{
	struct iovec iov = {
		.iov_base = reply,
		.iov_len = reply_len ? *reply_len : 0,
	};
	union control control;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct xrpc_info unwanted_info;
	int msg_flags = MSG_TRUNC;
	uint64_t unwanted_cookie;
	struct cmsghdr *cmsg;
	bool ended = false;
	ssize_t n;

	if (flags & ~XRPC_DONTWAIT || (!reply && iov.iov_len)) {
		errno = EINVAL;
		return -1;
	}
	if (flags & XRPC_DONTWAIT)
		msg_flags |= MSG_DONTWAIT;
	if (!info)
		info = &unwanted_info;
	if (!cookie)
		cookie = &unwanted_cookie;

	n = recvmsg(client->fd, &msg, msg_flags);
	if (n < 0)
		return -1;

	*cookie = 0;
	memset(info, 0, sizeof(*info));
	info->length = n;
	if ((size_t)n > iov.iov_len)
		info->flags |= XRPC_INFO_TRUNCATED;
	if (reply_len)
		*reply_len = (size_t)n < iov.iov_len ? (size_t)n : iov.iov_len;
	for (cmsg = CMSG_FIRSTHDR(&msg); cmsg; cmsg = CMSG_NXTHDR(&msg, cmsg))
		ended |= read_cmsg(cmsg, cookie, info);
	if (!ended) {
		errno = ENOTCONN;
		return -1;
	}
	if (info->error)
		errno = info->error;
	return info->outcome;
}

__export int xrpc_cancel(struct xrpc_client *client, uint64_t cookie)
{
	union control control;
	struct msghdr msg = { .msg_control = &control };

	if (!cookie) {
		errno = EINVAL;
		return -1;
	}
	xrpc_cmsg_put(&msg, XRPC_CANCEL, &cookie, sizeof(cookie));
	return sendmsg(client->fd, &msg, MSG_NOSIGNAL) < 0 ? -1 : 0;
}
