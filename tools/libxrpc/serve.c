// SPDX-License-Identifier: LGPL-2.1-or-later OR MIT
/*
 * The loop of a server: one system call answers a request and waits for the
 * next.
 *
 * The call can fail in either half.  XRPC_SERVE_ANSWERED tells which: while it
 * is not set the answer is still ours to give, and once it is set giving it
 * again would be an error.
 */

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "internal.h"

/**
 * struct serve_loop - one thread in xrpc_serve()
 * @server: the server
 * @handler: runs one call
 * @user: handed to @handler
 * @args: of the next system call; args.call is the request to answer
 * @req: the request at hand
 * @rep: its reply
 * @req_buf: where requests are received
 * @rep_buf: lent to the handler
 */
struct serve_loop {
	struct xrpc_server *server;
	xrpc_handler handler;
	void *user;
	struct xrpc_serve_args args;
	struct xrpc_request req;
	struct xrpc_reply rep;
	char req_buf[XRPC_MSG_MAX];
	char rep_buf[XRPC_MSG_MAX];
};

/**
 * xrpc_request_fill() - read what XRPC_IOC_SERVE wrote
 * @req: filled; its peer was written by the kernel already
 * @buf: where the request was received
 * @room: bytes at @buf
 * @args: of the system call
 *
 * The peer, and not the handle, tells whether there is a request: one that
 * wants no answer has no handle.
 *
 * Return: 0; or -1 with errno ESHUTDOWN where no request came.
 */
int xrpc_request_fill(struct xrpc_request *req, void *buf, size_t room,
		      const struct xrpc_serve_args *args)
{
	if (req->peer.sxr_family != AF_XRPC) {
		errno = ESHUTDOWN;
		return -1;
	}
	req->data = buf;
	req->length = args->req_len;
	req->len = req->length < room ? req->length : room;
	req->deadline_us = args->deadline;
	req->method = args->method;
	if (args->flags & XRPC_SERVE_TRUNC)
		req->flags |= XRPC_REQUEST_TRUNCATED;
	return 0;
}

/* The call to be answered is gone, and its client knows how it ended. */
static bool call_gone(int error)
{
	return error == ECANCELED || error == ETIMEDOUT || error == EALREADY;
}

/**
 * xrpc_serve_step() - what to do after XRPC_IOC_SERVE failed
 * @error: its errno
 * @answering: it was given an answer
 * @flags: XRPC_SERVE_* as it left them
 *
 * Return: what to do.
 */
enum xrpc_serve_step xrpc_serve_step(int error, bool answering, uint32_t flags)
{
	bool pending = answering && !(flags & XRPC_SERVE_ANSWERED);

	if (error == EINTR)
		return pending ? SERVE_STEP_AGAIN : SERVE_STEP_NEXT;
	if (error == EAGAIN)
		return pending ? SERVE_STEP_POLL : SERVE_STEP_POLL_NEXT;
	if (pending && call_gone(error))
		return SERVE_STEP_NEXT;
	if (!pending && error == ESHUTDOWN)
		return SERVE_STEP_END;
	return SERVE_STEP_FAIL;
}

/* An application may have set the socket not to wait, or for how long. */
static int wait_ready(int fd, short events)
{
	struct pollfd pfd = { .fd = fd, .events = events };

	if (poll(&pfd, 1, -1) < 0 && errno != EINTR)
		return -1;
	return 0;
}

static void drop_answer(struct serve_loop *loop)
{
	loop->args.call = 0;
	loop->args.reply_len = 0;
	loop->args.status = 0;
}

static int serve_ioctl(struct serve_loop *loop)
{
	struct xrpc_serve_args *args = &loop->args;

	memset(&loop->req, 0, sizeof(loop->req));
	args->req = (uintptr_t)loop->req_buf;
	args->req_len = sizeof(loop->req_buf);
	args->addr = (uintptr_t)&loop->req.peer;
	args->addr_len = sizeof(loop->req.peer);
	args->flags = 0;
	return ioctl(loop->server->fd, XRPC_IOC_SERVE, args);
}

/* Returns 1 with the next request in loop->req, 0 at the end, or -1. */
static int serve_next(struct serve_loop *loop)
{
	int fd = loop->server->fd;
	uint64_t answered;

	for (;;) {
		answered = loop->args.call;
		if (!serve_ioctl(loop))
			return !xrpc_request_fill(&loop->req, loop->req_buf,
						  sizeof(loop->req_buf),
						  &loop->args);
		/* The kernel may have written here before it failed. */
		loop->args.call = answered;

		switch (xrpc_serve_step(errno, answered, loop->args.flags)) {
		case SERVE_STEP_AGAIN:
			break;
		case SERVE_STEP_NEXT:
			drop_answer(loop);
			break;
		case SERVE_STEP_POLL:
			if (wait_ready(fd, POLLOUT))
				return -1;
			break;
		case SERVE_STEP_POLL_NEXT:
			drop_answer(loop);
			if (wait_ready(fd, POLLIN))
				return -1;
			break;
		case SERVE_STEP_END:
			return 0;
		case SERVE_STEP_FAIL:
			return -1;
		}
	}
}

/* Leaves in loop->args what the next system call is to answer. */
static int serve_one(struct serve_loop *loop)
{
	struct xrpc_reply *rep = &loop->rep;
	int verdict;

	*rep = (struct xrpc_reply) {
		.buf = loop->rep_buf,
		.room = sizeof(loop->rep_buf),
		.data = loop->rep_buf,
	};
	verdict = loop->handler(&loop->req, rep, loop->user);
	if (verdict != XRPC_ANSWER && verdict != XRPC_DEFER) {
		errno = EINVAL;
		return -1;
	}

	drop_answer(loop);
	if (verdict == XRPC_DEFER || !loop->req.peer.sxr_call)
		return 0;
	if (rep->len > XRPC_MSG_MAX) {
		errno = EMSGSIZE;
		return -1;
	}
	loop->args.call = loop->req.peer.sxr_call;
	loop->args.reply = (uintptr_t)rep->data;
	loop->args.reply_len = rep->len;
	loop->args.status = rep->status;
	return 0;
}

__export int xrpc_serve(struct xrpc_server *server, xrpc_handler handler,
			void *user)
{
	struct serve_loop *loop;
	int more;
	int error;

	loop = malloc(sizeof(*loop));
	if (!loop)
		return -1;
	memset(&loop->args, 0, sizeof(loop->args));
	loop->server = server;
	loop->handler = handler;
	loop->user = user;

	while ((more = serve_next(loop)) > 0) {
		if (serve_one(loop)) {
			more = -1;
			break;
		}
	}

	error = errno;
	free(loop);
	errno = error;
	return more;
}
