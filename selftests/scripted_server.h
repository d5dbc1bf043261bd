/* SPDX-License-Identifier: GPL-2.0 */
/* A scripted server, and the module's client that it plays with. */
#ifndef XRPC_SCRIPTED_SERVER_H
#define XRPC_SCRIPTED_SERVER_H

#include "scripted.h"

#define SID		0x5555666677778888ULL	/* the server's id */
#define EPOCH		77
#define CLIENT_DELAY	10000			/* us */

static int client = -1;
static struct sockaddr_xrpc server_addr;
static bool client_connected;
static struct xrpc_token the_token = { { 0x04030201 } };
static uint32_t client_rcvbuf;

/* The newest sequence of each channel. */
static uint32_t seq[1024];

static inline uint32_t next_seq(uint16_t chan)
{
	return ++seq[chan];
}

static inline int port_of(int fd)
{
	struct sockaddr_in a;
	socklen_t len = sizeof(a);

	getsockname(fd, (void *)&a, &len);
	return ntohs(a.sin_port);
}

/* A client, and a server at a port where it never was. */
static inline void new_client(bool connected)
{
	socklen_t len = sizeof(client_rcvbuf);
	int on = 1;

	if (client >= 0)
		close(client);
	if (udp >= 0)
		close(udp);
	udp_at(&udp, "127.0.0.1", 0);
	server_addr = at("127.0.0.1", port_of(udp), 9);
	client = connected ? client_to(server_addr) : xrpc_socket();
	client_connected = connected;
	setsockopt(client, SOL_XRPC, XRPC_RECVINFO, &on, sizeof(on));
	getsockopt(client, SOL_SOCKET, SO_RCVBUF, &client_rcvbuf, &len);
	memset(seq, 0, sizeof(seq));
	fresh(0);
	follow = true;
}

/* ---- the client's application ---------------------------------------- */

static inline ssize_t send_out(const char *text, uint64_t cookie, uint64_t us,
			       uint32_t method, int bare)
{
	char control[256];
	struct iovec iov = { (void *)text, strlen(text) };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control,
	};
	struct cmsghdr *c = (void *)control;

#define PUT(t, v) do {							\
	c->cmsg_level = SOL_XRPC;					\
	c->cmsg_type = t;						\
	c->cmsg_len = CMSG_LEN(sizeof(v));				\
	memcpy(CMSG_DATA(c), &(v), sizeof(v));				\
	m.msg_controllen += CMSG_SPACE(sizeof(v));			\
	c = (void *)(control + m.msg_controllen);			\
} while (0)
	if (!client_connected) {
		m.msg_name = &server_addr;
		m.msg_namelen = sizeof(server_addr);
	}
	if (cookie)
		PUT(XRPC_COOKIE, cookie);
	if (us)
		PUT(XRPC_DEADLINE, us);
	if (method)
		PUT(XRPC_METHOD, method);
#undef PUT
	if (bare) {
		c->cmsg_level = SOL_XRPC;
		c->cmsg_type = bare;
		c->cmsg_len = CMSG_LEN(0);
		m.msg_controllen += CMSG_SPACE(0);
	}
	return sendmsg(client, &m, 0);
}

/* Begin a call. */
static inline void call_out(const char *text, uint64_t cookie, uint64_t us,
			    uint32_t method)
{
	if (send_out(text, cookie, us, method, 0) != (ssize_t)strlen(text))
		printf("# send: %s\n", strerror(errno));
}

/* Give up the call with a name. */
static inline void cancel_out(uint64_t cookie)
{
	char control[CMSG_SPACE(8)];
	struct msghdr m = {
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = (void *)control;

	c->cmsg_level = SOL_XRPC;
	c->cmsg_type = XRPC_CANCEL;
	c->cmsg_len = CMSG_LEN(8);
	memcpy(CMSG_DATA(c), &cookie, 8);
	if (sendmsg(client, &m, 0))
		printf("# cancel: %s\n", strerror(errno));
}

/* The next call to end is this one, so, and with this reply. */
static inline bool ended(uint64_t cookie, uint32_t outcome, uint32_t error,
			 const char *text)
{
	static char got[XRPC_MSG_MAX];
	struct xrpc_result res = { .outcome = 99 };
	struct sockaddr_xrpc src;
	char control[256];
	struct iovec iov = { got, sizeof(got) };
	struct msghdr m = {
		.msg_name = &src, .msg_namelen = sizeof(src),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	struct cmsghdr *c;
	uint64_t name = 0;
	ssize_t n;

	n = recvmsg(client, &m, 0);
	if (n < 0)
		return false;
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == XRPC_COOKIE)
			memcpy(&name, CMSG_DATA(c), 8);
		if (c->cmsg_type == XRPC_OUTCOME)
			memcpy(&res, CMSG_DATA(c), sizeof(res));
	}
	if (name == cookie && res.outcome == outcome && res.error == error &&
	    n == (ssize_t)strlen(text) && !memcmp(got, text, n))
		return true;
	printf("# cookie %llu, outcome %u, error %u, %zd bytes\n",
	       (unsigned long long)name, res.outcome, res.error, n);
	return false;
}

/* No call ended. */
static inline bool nothing(void)
{
	struct pollfd p = { .fd = client, .events = POLLIN };

	return !poll(&p, 1, 0);
}

/* ---- what the client must send --------------------------------------- */

/* The next packet of the client begins so. */
static inline void expect_client(uint8_t flags)
{
	struct xrpc_hdr *h;

	expect();
	h = (void *)want.b;
	h->flags = flags;
	xrpc_put64(h->id, SID);
}

/* The last one received should have. */
static inline void expect_last(uint8_t flags)
{
	peer_pn--;
	expect_client(flags);
	peer_pn++;
}

/* PROBE or CANCEL, padded so that NOSESSION may answer it. */
static inline void put_question(uint8_t type, uint16_t chan, uint32_t s)
{
	put_ref(&want, type, chan, s);
	put_pad(&want, 4);
}

static inline void expect_opening(void)
{
	struct xrpc_open *o;

	expect_client(XRPC_HF_OPENING);
	memset(((struct xrpc_hdr *)want.b)->id, 0, 8);
	o = put_open(&want, &the_token, our_id);
	o->service = htobe32(9);
	xrpc_put64(o->epoch, EPOCH);
	o->credit = htobe32(client_rcvbuf);
	o->ack_delay = htobe32(CLIENT_DELAY);
}

/* Receive a request that looks so. */
static inline bool request_is(uint16_t chan, uint32_t s, const char *text)
{
	expect_client(0);
	put_data(&want, chan, s, text);
	return rx(100) && same();
}

/* ---- what the server sends ------------------------------------------- */

static inline struct xrpc_token_frame *make_token(uint8_t flags, uint32_t echo,
						  uint64_t horizon,
						  uint64_t of_epoch)
{
	struct xrpc_token_frame *t;

	header(&out, 0, 0, our_id)->echo = htobe32(echo);
	t = frame(&out, XRPC_FT_TOKEN, flags, sizeof(*t));
	xrpc_put64(t->epoch, of_epoch ? : EPOCH);
	t->token = the_token;
	xrpc_put64(t->horizon, horizon);
	return t;
}

/* A token comes from no session, and has no number of one. */
static inline void send_token(uint8_t flags, uint32_t echo, uint64_t horizon,
			      uint64_t of_epoch)
{
	make_token(flags, echo, horizon, of_epoch);
	tx_from(udp);
}

static inline void answer_call(uint16_t chan, uint32_t s, const char *text)
{
	begin(0, our_id);
	put_data(&out, chan, s, text);
	tx();
}

static inline void send_status(uint16_t chan, uint32_t s, uint8_t code)
{
	begin(0, our_id);
	put_status(&out, chan, s, code);
	tx();
}

/* Let the client acknowledge what it has to. */
static inline void settle(void)
{
	pass(30);
	while (rx(0))
		;
}

/* Open a session with a first call, on channel 0. */
static inline bool open_client(bool connected, uint16_t chans)
{
	const struct xrpc_token_req *r;

	new_client(connected);
	call_out("open", 1000, 0, 0);
	if (!rx(100) || !want_frame(r, XRPC_FT_TOKEN_REQ))
		return false;
	fresh(xrpc_get64(r->client_id));
	peer_pn = 1;
	send_token(0, 0, 0, 0);
	expect_opening();
	put_data(&want, 0, next_seq(0), "open");
	if (!rx(100) || !same())
		return false;
	begin(0, our_id);
	put_accept(&out, SID, EPOCH, chans);
	put_data(&out, 0, 1, "ok");
	tx();
	if (!ended(1000, XRPC_REPLIED, 0, "ok"))
		return false;
	settle();
	return true;
}

#endif /* XRPC_SCRIPTED_SERVER_H */
