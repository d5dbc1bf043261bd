/* SPDX-License-Identifier: LGPL-2.1-or-later OR MIT */
/*
 * libxrpc - remote procedure calls over AF_XRPC sockets
 *
 * A client in five lines:
 *
 *	struct xrpc_client *client = xrpc_open("server.example:7000");
 *	char reply[XRPC_MSG_MAX];
 *	size_t len = sizeof(reply);
 *
 *	if (xrpc_call(client, 0, "ping", 4, reply, &len, 0, NULL) == XRPC_REPLIED)
 *		fwrite(reply, 1, len, stdout);
 *
 * A server in ten:
 *
 *	static int echo(const struct xrpc_request *req, struct xrpc_reply *rep,
 *			void *user)
 *	{
 *		rep->data = req->data;
 *		rep->len = req->len;
 *		return XRPC_ANSWER;
 *	}
 *
 *	struct xrpc_server *server = xrpc_listen("7000", 0);
 *
 *	xrpc_serve(server, echo, NULL);
 *
 * Conventions: a function that returns a pointer gives NULL and sets errno, one
 * that returns int gives -1 and sets errno, unless its comment says otherwise.
 * xrpc_strerror() knows what an errno means here.  Times are microseconds.
 * Every function may be called from any number of threads at once, except that
 * nothing may use a handle while or after it is closed.
 */
#ifndef LIBXRPC_H
#define LIBXRPC_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include <linux/xrpc.h>

#ifdef __cplusplus
extern "C" {
#endif

struct xrpc_client;
struct xrpc_server;

#define XRPC_MILLISECOND	((uint64_t)1000)
#define XRPC_SECOND		((uint64_t)1000000)

/**
 * xrpc_version() - the version of the library that is running
 *
 * Return: a constant string such as "0.1.0".
 */
const char *xrpc_version(void);

/*
 * Addresses
 */

/* xrpc_resolve(): no host means every local address, not this host. */
#define XRPC_RESOLVE_PASSIVE	0x1
/* xrpc_resolve(): IPv4 addresses only (given as v4-mapped ones). */
#define XRPC_RESOLVE_IPV4	0x2
/* xrpc_resolve(): IPv6 addresses only. */
#define XRPC_RESOLVE_IPV6	0x4
/* xrpc_resolve(): no name service: the host is an address already. */
#define XRPC_RESOLVE_NUMERIC	0x8

/* Room for any text that xrpc_format() writes, its final zero included. */
#define XRPC_FORMAT_LEN		96

/**
 * xrpc_resolve() - turn the text of an address into socket addresses
 * @text: "host:port", "[v6]:port" or "port", each with "/service" or without;
 *	a link-local address carries its interface as in "[fe80::1%eth0]:7000";
 *	a service is decimal or, after 0x, hexadecimal
 * @flags: XRPC_RESOLVE_* or 0
 * @addrs: room for the addresses, filled best first
 * @max: addresses that fit in @addrs, at least 1
 *
 * Asks the name service where the host is a name, and then may take as long as
 * that takes.  Where only a port is given the host is this one, or with
 * XRPC_RESOLVE_PASSIVE every local address, IPv6 and IPv4 alike.
 *
 * Return: how many addresses were written, at least 1; or -1 with errno
 *	EINVAL	@text is no address, or @flags or @max are impossible
 *	ENOENT	the host has no address (of the kind asked for)
 *	EAGAIN	the name service gave no answer now
 *	EIO	the name service failed
 *	ENOMEM	no memory
 */
int xrpc_resolve(const char *text, unsigned int flags,
		 struct sockaddr_xrpc *addrs, size_t max);

/**
 * xrpc_format() - write an address as text that xrpc_resolve() reads
 * @addr: the address; its call handle is not part of the text
 * @buf: room for the text
 * @len: bytes at @buf; XRPC_FORMAT_LEN always suffices
 *
 * Return: @buf, or NULL with errno ENOSPC where @len is too short, or
 * EAFNOSUPPORT where @addr is no AF_XRPC address.
 */
char *xrpc_format(const struct sockaddr_xrpc *addr, char *buf, size_t len);

/*
 * Outcomes and errors
 */

/**
 * xrpc_outcome_name() - a name for an outcome
 * @outcome: enum xrpc_outcome
 *
 * Return: "replied", "not executed" or "unknown", also for any other value;
 * constant strings.
 */
const char *xrpc_outcome_name(int outcome);

/**
 * xrpc_error_outcome() - which outcome an errno of a failed call stands for
 * @error: an errno, as recvmsg() or XRPC_IOC_CALL gave it
 *
 * For those who use the socket without xrpc_call(), which tells the outcome
 * itself and knows more.
 *
 * Return: XRPC_REPLIED for 0; XRPC_NOT_EXECUTED for the errors that say so;
 * XRPC_UNKNOWN for all others.
 */
enum xrpc_outcome xrpc_error_outcome(int error);

/**
 * xrpc_strerror() - what an errno of this library or of AF_XRPC means
 * @error: the errno
 *
 * Return: a sentence without a full stop; constant where AF_XRPC gives the
 * errno a meaning of its own, else the text of strerror(), in the buffer of
 * the thread.
 */
const char *xrpc_strerror(int error);

/*
 * Clients
 */

/* struct xrpc_info: the reply was longer than the room for it. */
#define XRPC_INFO_TRUNCATED	0x1

/**
 * struct xrpc_info - how a call ended
 * @outcome: one of three, and true
 * @error: 0 when replied; else the errno that says why
 * @status: the service's status of a reply, 0 otherwise
 * @flags: XRPC_INFO_*
 * @length: bytes of the reply as it was sent
 * @reserved: zero
 */
struct xrpc_info {
	enum xrpc_outcome outcome;
	int error;
	uint32_t status;
	uint32_t flags;
	uint64_t length;
	uint64_t reserved[2];
};

/**
 * xrpc_open() - open a client of a service
 * @address: text as for xrpc_resolve()
 *
 * Nothing is sent: a server that is not there is found out by the first call.
 * Of several addresses the first whose family this host has is taken.
 *
 * Return: the client, to be given to xrpc_close(); or NULL with errno
 *	EINVAL		@address is no address, or its port is 0
 *	ENOENT, EAGAIN, EIO	as xrpc_resolve()
 *	EAFNOSUPPORT	this kernel has no AF_XRPC: the module is not loaded
 *	EPFNOSUPPORT	another protocol holds the number of AF_XRPC
 *	EADDRNOTAVAIL	this host has no address of that kind (no IPv6, say)
 *	EMFILE, ENFILE, ENOMEM, ENOBUFS	a limit was hit
 */
struct xrpc_client *xrpc_open(const char *address);

/**
 * xrpc_open_addr() - open a client of a service, given its socket address
 * @addr: the address, with sxr_call 0
 *
 * Return: as xrpc_open().
 */
struct xrpc_client *xrpc_open_addr(const struct sockaddr_xrpc *addr);

/**
 * xrpc_close() - close a client
 * @client: the client, or NULL
 *
 * Calls begun by xrpc_start() and not finished are given up.  errno is kept.
 */
void xrpc_close(struct xrpc_client *client);

/**
 * xrpc_client_fd() - the socket of a client
 * @client: the client
 *
 * To poll for replies to xrpc_start(), and to set socket options.  It stays
 * the client's: do not close it.
 *
 * Return: the file descriptor.
 */
int xrpc_client_fd(const struct xrpc_client *client);

/**
 * xrpc_client_peer() - the address that a client calls
 * @client: the client
 *
 * Return: the address, valid until xrpc_close().
 */
const struct sockaddr_xrpc *xrpc_client_peer(const struct xrpc_client *client);

/**
 * xrpc_client_set_timeout() - how long calls may take that say nothing else
 * @client: the client
 * @timeout_us: microseconds up to XRPC_DEADLINE_MAX; 0: the system's default,
 *	30 s as a rule
 *
 * Return: 0; or -1 with errno EINVAL for a time past XRPC_DEADLINE_MAX.
 */
int xrpc_client_set_timeout(struct xrpc_client *client, uint64_t timeout_us);

/**
 * xrpc_client_set_replayable() - whether a client's calls may run repeatedly
 * @client: the client
 * @replayable: true: each call of this client may run any number of times, late
 *	or in the name of a stranger
 *
 * Is to save a new client one round trip at servers that agree; gives up
 * at-most-once.  Meant for reads.
 */
void xrpc_client_set_replayable(struct xrpc_client *client, bool replayable);

/**
 * xrpc_call() - call the service and wait for its reply
 * @client: the client
 * @method: what is called, a number that client and service agree on
 * @req: the request
 * @req_len: bytes of the request, up to XRPC_MSG_MAX
 * @reply: room for the reply; NULL: none is wanted
 * @reply_len: in: bytes of room; out: bytes written to @reply, 0 unless replied;
 *	may be NULL where @reply is
 * @timeout_us: microseconds for the call; 0: the client's default
 * @info: filled with how the call ended; may be NULL
 *
 * A reply that does not fit is cut, and XRPC_INFO_TRUNCATED set in @info.  The
 * status that the service gave is in @info alone.
 *
 * Return: how the call ended, also where no call was made.  errno is set unless
 * replied.
 *
 *	XRPC_REPLIED: the reply is here.
 *
 *	XRPC_NOT_EXECUTED: it never ran and never will; trying again is safe.
 *	ECONNREFUSED	there is no such service
 *	EBUSY		the service has too many calls waiting
 *	ESHUTDOWN	the service takes no more calls
 *	EHOSTUNREACH	there is no way to the host, or no word from it; nothing of
 *			the request had been sent
 *	ETIME		the deadline passed before the call could run
 *	EINTR		a signal came before the request had gone
 *	EINVAL		an argument is impossible
 *	EMSGSIZE	the request is longer than XRPC_MSG_MAX
 *	EPIPE		this socket was shut down for sending
 *	ENOMEM, ENOBUFS	no memory
 *
 *	XRPC_UNKNOWN: it may have run.
 *	ETIMEDOUT	no reply came within the deadline, or no sign of life
 *	ECONNRESET	the server forgot the call, or ended during it
 *	EINTR		a signal came during the wait; the call was cancelled
 *	EFAULT		the reply came and could not be written to @reply
 */
enum xrpc_outcome xrpc_call(struct xrpc_client *client, uint32_t method,
			    const void *req, size_t req_len,
			    void *reply, size_t *reply_len,
			    uint64_t timeout_us, struct xrpc_info *info);

/* xrpc_start(): this call may run any number of times. */
#define XRPC_START_REPLAYABLE	0x1
/* xrpc_start(): no answer is wanted, only to know that it was received. */
#define XRPC_START_ONEWAY	0x2
/* xrpc_start(): fail with EAGAIN rather than wait for room. */
#define XRPC_START_DONTWAIT	0x4

/**
 * xrpc_start() - call the service and do not wait for the reply
 * @client: the client
 * @method: what is called
 * @cookie: the caller's name for this call, unique among those not finished;
 *	0: none
 * @req: the request
 * @req_len: bytes of the request, up to XRPC_MSG_MAX
 * @timeout_us: microseconds for the call; 0: the client's default
 * @flags: XRPC_START_* or 0
 *
 * Every call that was started ends, and xrpc_finish() tells how.
 *
 * Return: 0; or -1 with errno, and then no call was made
 *	EEXIST		a call with this cookie is not finished
 *	EAGAIN		there is no room now, and XRPC_START_DONTWAIT was given
 *	EINTR		a signal came during the wait for room
 *	EINVAL		an argument is impossible, or the loaded module does not
 *			know what @flags ask for
 *	EMSGSIZE	the request is longer than XRPC_MSG_MAX
 *	EPIPE		this socket was shut down for sending
 *	ENOBUFS		too many ended calls wait for xrpc_finish()
 *	ENOMEM		no memory
 */
int xrpc_start(struct xrpc_client *client, uint32_t method, uint64_t cookie,
	       const void *req, size_t req_len, uint64_t timeout_us,
	       unsigned int flags);

/* xrpc_finish(), xrpc_recv(): fail with EAGAIN rather than wait. */
#define XRPC_DONTWAIT		0x1

/**
 * xrpc_finish() - take the end of a call that xrpc_start() began
 * @client: the client
 * @cookie: filled with the name of the call; may be NULL
 * @reply: room for the reply; NULL: none is wanted
 * @reply_len: in: bytes of room; out: bytes written to @reply, 0 unless replied;
 *	may be NULL where @reply is
 * @flags: XRPC_DONTWAIT or 0
 * @info: filled with how the call ended; may be NULL
 *
 * Calls end in any order.  xrpc_client_fd() polls readable while one is here.
 *
 * Return: enum xrpc_outcome of the call, with errno as from xrpc_call() unless
 * replied; or -1 where no call ended, with errno
 *	EAGAIN	none has ended yet, and XRPC_DONTWAIT was given
 *	EINTR	a signal came during the wait
 *	EINVAL	@flags are impossible
 *	ENOTCONN	this socket was shut down for receiving, and nothing is left
 */
int xrpc_finish(struct xrpc_client *client, uint64_t *cookie,
		void *reply, size_t *reply_len, unsigned int flags,
		struct xrpc_info *info);

/**
 * xrpc_cancel() - give up a call that xrpc_start() began
 * @client: the client
 * @cookie: the name of the call, not 0
 *
 * The call still ends, sooner, and xrpc_finish() still tells how.
 *
 * Return: 0; or -1 with errno
 *	ENOENT	no call of this name is unfinished
 *	EINVAL	@cookie is 0, or the loaded module knows no cancelling
 */
int xrpc_cancel(struct xrpc_client *client, uint64_t cookie);

/*
 * Servers
 */

/* xrpc_listen(): share the service with other sockets that say so too. */
#define XRPC_LISTEN_SHARED	0x1
/* xrpc_listen(): run replayable calls of clients that proved no address. */
#define XRPC_LISTEN_REPLAYABLE	0x2

/* struct xrpc_request: the request was longer than the room for it. */
#define XRPC_REQUEST_TRUNCATED	0x1

/**
 * struct xrpc_request - a request that a server received
 * @data: its bytes
 * @len: how many are at @data
 * @length: how many were sent; more than @len where it was cut
 * @deadline_us: microseconds left for the call when it was received; 0: its
 *	client set no deadline of its own
 * @method: what is called
 * @flags: XRPC_REQUEST_*
 * @peer: where it came from, and the handle to answer it by: xrpc_answer()
 *	takes this.  sxr_call is 0 where no answer is wanted.
 * @reserved: zero
 */
struct xrpc_request {
	const void *data;
	size_t len;
	size_t length;
	uint64_t deadline_us;
	uint32_t method;
	uint32_t flags;
	struct sockaddr_xrpc peer;
	uint64_t reserved[2];
};

/**
 * struct xrpc_reply - what a handler answers
 * @buf: room that the library lends for the reply
 * @room: bytes at @buf, XRPC_MSG_MAX
 * @data: the reply: @buf, or set it to memory that stays as it is until the
 *	handler runs again in this thread or xrpc_serve() returns
 * @len: bytes of the reply, 0 unless set
 * @status: the service's status, 0 unless set
 * @reserved: zero
 */
struct xrpc_reply {
	void *buf;
	size_t room;
	const void *data;
	size_t len;
	uint32_t status;
	uint32_t reserved;
};

/* What a handler returns: */
#define XRPC_ANSWER	0	/* send the reply */
#define XRPC_DEFER	1	/* send nothing: xrpc_answer() will, or nobody */

/**
 * typedef xrpc_handler - runs one call
 * @req: the request, valid until the handler returns
 * @rep: the reply, to be filled in
 * @user: as given to xrpc_serve()
 *
 * Return: XRPC_ANSWER or XRPC_DEFER.
 */
typedef int (*xrpc_handler)(const struct xrpc_request *req,
			    struct xrpc_reply *rep, void *user);

/**
 * xrpc_listen() - open a server
 * @address: text as for xrpc_resolve(); "7000" listens on every local address,
 *	port 0 takes a free one
 * @flags: XRPC_LISTEN_* or 0
 *
 * Requests are taken from here on and wait for xrpc_serve() or xrpc_recv().
 *
 * Return: the server, to be given to xrpc_server_close(); or NULL with errno
 *	EINVAL		@address is no address, or @flags are impossible
 *	ENOENT, EAGAIN, EIO	as xrpc_resolve()
 *	EAFNOSUPPORT	this kernel has no AF_XRPC: the module is not loaded
 *	EPFNOSUPPORT	another protocol holds the number of AF_XRPC
 *	EADDRINUSE	another socket has the service, or the UDP port
 *	EADDRNOTAVAIL	the address is not of this host
 *	EACCES		the port is a privileged one, or another user's
 *	ENOPROTOOPT	the loaded module does not know what @flags ask for
 *	EMFILE, ENFILE, ENOMEM, ENOBUFS	a limit was hit
 */
struct xrpc_server *xrpc_listen(const char *address, unsigned int flags);

/**
 * xrpc_listen_addr() - open a server, given its socket address
 * @addr: the address, with sxr_call 0
 * @flags: XRPC_LISTEN_* or 0
 *
 * Return: as xrpc_listen().
 */
struct xrpc_server *xrpc_listen_addr(const struct sockaddr_xrpc *addr,
				     unsigned int flags);

/**
 * xrpc_server_close() - close a server
 * @server: the server, or NULL
 *
 * Requests that were received and not answered end unknown, those still
 * waiting not executed.  xrpc_serve() must have returned in every thread.
 * errno is kept.
 */
void xrpc_server_close(struct xrpc_server *server);

/**
 * xrpc_server_fd() - the socket of a server
 * @server: the server
 *
 * To poll before xrpc_recv(), and to set socket options.  It stays the
 * server's: do not close it.
 *
 * Return: the file descriptor.
 */
int xrpc_server_fd(const struct xrpc_server *server);

/**
 * xrpc_server_addr() - the address of a server
 * @server: the server
 * @addr: filled with the address, the port that was taken for port 0 included
 *
 * Return: 0; or -1 with errno of getsockname().
 */
int xrpc_server_addr(const struct xrpc_server *server,
		     struct sockaddr_xrpc *addr);

/**
 * xrpc_serve() - run a handler for each request until xrpc_server_stop()
 * @server: the server
 * @handler: runs one call
 * @user: handed to @handler
 *
 * One system call answers a request and waits for the next.  Several threads
 * may serve one server: each takes the next request.  Signals end nothing:
 * call xrpc_server_stop() from a signal's handler.  An answer whose call has
 * ended meanwhile is dropped without a word, as the client knows already.
 *
 * Return: 0 once the server was stopped and every waiting request has been
 * served; or -1 with errno
 *	EINVAL		@handler returned something else than XRPC_*
 *	EMSGSIZE	@handler made a reply longer than XRPC_MSG_MAX
 *	ENOMEM, ENOBUFS	no memory
 */
int xrpc_serve(struct xrpc_server *server, xrpc_handler handler, void *user);

/**
 * xrpc_server_stop() - take no more requests
 * @server: the server
 *
 * New calls are refused as not executed, those waiting are still served, and
 * answers can still be given.  Cannot be undone.  Async-signal-safe; errno is
 * kept.
 */
void xrpc_server_stop(struct xrpc_server *server);

/**
 * xrpc_recv() - receive one request
 * @server: the server
 * @buf: room for the request
 * @room: bytes at @buf; XRPC_MSG_MAX suffices for any
 * @flags: XRPC_DONTWAIT or 0
 * @req: filled with the request, its data at @buf
 *
 * For servers that answer later or out of order.
 *
 * Return: 0; or -1 with errno
 *	EAGAIN		none is here, and XRPC_DONTWAIT was given
 *	EINTR		a signal came during the wait
 *	ESHUTDOWN	the server was stopped, and no request is left
 *	EINVAL		@flags are impossible
 *	EPROTO		the socket was used to make a call, and that has ended
 *	ENOMEM, ENOBUFS	no memory
 */
int xrpc_recv(struct xrpc_server *server, void *buf, size_t room,
	      unsigned int flags, struct xrpc_request *req);

/**
 * xrpc_answer() - answer a request
 * @server: the server that received it
 * @peer: the peer of the request, unaltered
 * @status: the service's status
 * @data: the reply
 * @len: bytes of the reply, up to XRPC_MSG_MAX
 *
 * Return: 0; or -1 with errno
 *	ECANCELED	the client gave up the call
 *	ETIMEDOUT	the deadline of the call has passed
 *	EALREADY	it was answered before
 *	EINVAL		@peer names no request that this server received
 *	EMSGSIZE	the reply is longer than XRPC_MSG_MAX
 *	EAGAIN		the socket was set not to wait, and there is no room
 *	ENOMEM, ENOBUFS	no memory
 */
int xrpc_answer(struct xrpc_server *server, const struct sockaddr_xrpc *peer,
		uint32_t status, const void *data, size_t len);

#ifdef __cplusplus
}
#endif

#endif /* LIBXRPC_H */
