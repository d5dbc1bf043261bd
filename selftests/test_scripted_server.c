// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12 timeout=3000
 *
 * A scripted client: what a server answers to a request in each of its states,
 * to duplicates, probes and cancels of it, and to acknowledgements that are
 * withheld or lies.
 */
#include "scripted.h"

#define PORT		4120
#define ID(n)		(0x3344556677880000ULL + (n))

static char big[XRPC_MSG_MAX];

static void probe(uint16_t chan, uint32_t seq)
{
	begin(0, peer_id);
	put_ref(&out, XRPC_FT_PROBE, chan, seq);
	tx();
}

static void cancel(uint16_t chan, uint32_t seq)
{
	begin(0, peer_id);
	put_ref(&out, XRPC_FT_CANCEL, chan, seq);
	tx();
}

/* A request again, a probe and a cancel of it all get this verdict. */
static bool told(uint16_t chan, uint32_t seq, const char *text, uint8_t code)
{
	bool good;

	request(chan, seq, text);
	good = status(chan, seq, code);
	probe(chan, seq);
	good = status(chan, seq, code) && good;
	cancel(chan, seq);
	return status(chan, seq, code) && good;
}

static bool verdict(uint16_t chan, uint32_t seq, const char *text, uint8_t code)
{
	return told(chan, seq, text, code) && idle();
}

/* An acknowledgement and nothing else. */
static bool acked(int ms)
{
	expect();
	put_acks(&want, 8);
	return rx(ms) && same();
}

/* Let acknowledgements that are due come first. */
static void quiet(void)
{
	pass(10);
	flush();
}

static bool no_data(int ms)
{
	return !rx_until(XRPC_FT_DATA, ms);
}

/* ---- duplicates, in each state --------------------------------------- */

static void test_queued(void)
{
	request(1, 5, "slow");
	request(1, 5, "slow");
	ok(status(1, 5, XRPC_ST_IN_PROGRESS),
	   "a duplicate of a queued request: in progress");
	probe(1, 5);
	ok(status(1, 5, XRPC_ST_IN_PROGRESS), "a probe of it: in progress");
	request(1, 6, "next");
	ok(silent(), "the channel's next while it is queued gets nothing");
	ok(executed("slow") && idle(), "it runs, once and alone");
	request(1, 5, "slow");
	ok(status(1, 5, XRPC_ST_IN_PROGRESS) && idle(),
	   "a duplicate while it runs: in progress");
	probe(1, 5);
	ok(status(1, 5, XRPC_ST_IN_PROGRESS), "a probe: in progress");
	request(1, 6, "next");
	cancel(1, 6);
	ok(silent() && idle(), "the next one and its cancel get nothing");
	request(1, 4, "older");
	probe(1, 4);
	cancel(1, 4);
	done(1, 4);
	ok(silent() && idle(), "nor does anything older");
	done(1, 5);
	probe(1, 5);
	ok(status(1, 5, XRPC_ST_IN_PROGRESS),
	   "DONE of what has no reply has no effect");
	probe(1, 6);
	ok(status(1, 6, XRPC_ST_NOCALL) && idle(),
	   "a probe of the next: no such call");
	probe(7, 1);
	ok(status(7, 1, XRPC_ST_NOCALL), "or of a channel never used");
	probe(1024, 1);
	ok(status(1024, 1, XRPC_ST_NOCALL), "or of none");
	answer("done");
	ok(rx(100) && has_data(1, 5, "done"), "its reply comes");
}

static void test_replied(void)
{
	request(1, 5, "slow");
	ok(reply(1, 5, "done") && idle(),
	   "a duplicate of a replied request: the reply again");
	probe(1, 5);
	ok(rx(100) && has_data(1, 5, "done"), "a probe: the reply again");
	cancel(1, 5);
	ok(rx(100) && has_data(1, 5, "done"), "a cancel: the reply again");
	done(1, 4);
	done(1, 6);
	done(2, 5);
	request(1, 5, "slow");
	ok(reply(1, 5, "done"), "DONE of others has no effect");
	done(1, 5);
	flush();
	ok(no_data(3000), "DONE of it ends that");
	ok(verdict(1, 5, "slow", XRPC_ST_DROPPED),
	   "after that a small record answers, whatever asks");

	request(1, 6, "six");
	ok(executed("six") && answer("6") && reply(1, 6, "6"), "another");
	begin(0, peer_id);
	put_range(&out, peer_pn - 1, peer_pn - 1);
	tx();
	ok(no_data(3000), "an ACK of the reply's packet acknowledges it too");
	ok(verdict(1, 6, "six", XRPC_ST_DROPPED), "a small record again");
	request(1, 7, "seven");
	ok(executed("seven") && answer("7") && reply(1, 7, "7"), "another");
	request(1, 8, "eight");
	ok(executed("eight") && no_data(3000),
	   "and so does the channel's next request");
	request(1, 7, "seven");
	ok(silent() && idle(), "which it is older than");
	answer("8");
	flush();
	done(1, 8);
}

/* ---- replies that nobody acknowledges -------------------------------- */

static void test_withheld(void)
{
	uint64_t last = 0, gap, gap_before = 0, begun;
	unsigned int n = 0, shrunk = 0, changed = 0;

	request(3, 1, "kept");
	executed("kept");
	answer("reply");
	begun = now_ms();
	while (rx(5000)) {
		gap = now_ms() - last;
		if (n > 1 && gap + 1 < gap_before)
			shrunk++;
		gap_before = gap;
		last = now_ms();
		changed += !has_data(3, 1, "reply") || in.len != 24 + 16 + 5;
		n++;
	}
	ok(n > 4 && n < 20 && !shrunk && !changed,
	   "a reply not acknowledged comes again, ever more seldom (%u)", n);
	ok(last - begun > 5000 && last - begun <= 10100,
	   "for ten seconds (%llu ms)", (unsigned long long)(last - begun));
	ok(!rx(60000), "and no longer");
	request(3, 1, "kept");
	ok(reply(3, 1, "reply") && idle(), "but is kept");
	ok(!rx(10000), "and not sent unasked");
	done(3, 1);
	flush();
	request(3, 1, "kept");
	ok(status(3, 1, XRPC_ST_DROPPED), "until it is acknowledged");
}

/* A reply of several packets; the second one's acknowledgement is withheld. */
static void test_selective(void)
{
	const struct xrpc_data *d = (const void *)none;
	unsigned int n[3] = {}, wrong = 0, i;
	uint32_t off, pn;

	request(4, 1, "long");
	executed("long");
	give_answer(srv, big, 20000, &from);
	for (i = 0; i < 20 && rx(1500); i++) {
		if (!want_frame(d, XRPC_FT_DATA))
			continue;
		off = be32toh(d->off);
		pn = be32toh(in_hdr()->pn);
		wrong += be16toh(d->chan) != 4 || be32toh(d->seq) != 1 ||
			 off % 8800 || off > 17600 ||
			 memcmp((char *)(d + 1) + 8, big + off,
				off == 17600 ? 2400 : 8800);
		if (n[off / 8800 % 3]++ || off != 8800) {
			begin(0, peer_id);
			put_range(&out, pn, pn);
			tx();
		}
	}
	ok(!wrong && n[0] == 1 && n[1] == 2 && n[2] == 1,
	   "of a long reply what was not acknowledged comes again alone "
	   "(%u %u %u)", n[0], n[1], n[2]);
	request(4, 1, "long");
	ok(status(4, 1, XRPC_ST_DROPPED) && idle(), "then all of it was");
}

static void test_optimistic(void)
{
	uint64_t before = counter("DropState");
	unsigned int n = 0;

	begin(0, peer_id);
	put_range(&out, peer_pn, peer_pn + 50);
	put_range(&out, 0, peer_pn);
	put_range(&out, peer_pn - 1, peer_pn - 2);
	put_range(&out, 0x80000000, 0xffffffff);
	tx();
	ok(silent() && counter("DropState") == before + 4,
	   "acknowledgements of what was never sent are nothing");
	request(5, 1, "early");
	executed("early");
	answer("e");
	ok(rx(100) && has_data(5, 1, "e") && rx_until(XRPC_FT_DATA, 1000) &&
	   has_data(5, 1, "e"), "nor when it is sent after them");
	done(5, 1);
	flush();

	request(5, 2, "window");
	executed("window");
	give_answer(srv, big, sizeof(big), &from);
	while (rx(0))
		n += !!find(XRPC_FT_DATA);
	begin(0, peer_id);
	put_range(&out, peer_pn, peer_pn + 1000);
	put_range(&out, peer_pn + 1, peer_pn + 100);
	tx();
	ok(n && n < 4 && !rx(0), "they open no window (%u packets)", n);
	begin(0, peer_id);
	put_range(&out, peer_pn - n, peer_pn - 1);
	tx();
	ok(rx(0) && find(XRPC_FT_DATA), "true ones do");
	done(5, 2);
	flush();
	ok(!rx(3000), "DONE ends a long reply anywhere");
}

/* ---- cancel ---------------------------------------------------------- */

static void test_cancel(void)
{
	struct sockaddr_xrpc a;

	cancel(10, 5);
	ok(status(10, 5, XRPC_ST_CANCELED), "cancel of a call not seen");
	ok(verdict(10, 5, "late", XRPC_ST_CANCELED),
	   "keeps it from running when it comes");
	request(10, 4, "older");
	ok(silent() && idle(), "and all before it");
	cancel(10, 0);
	ok(silent(), "no sequence: nothing");

	begin(0, peer_id);
	put_part(&out, 10, 6, big, 4096, 0, 2048);
	tx();
	cancel(10, 6);
	ok(status(10, 6, XRPC_ST_CANCELED), "cancel of one that arrives");
	begin(0, peer_id);
	put_part(&out, 10, 6, big, 4096, 2048, 2048);
	tx();
	ok(status(10, 6, XRPC_ST_CANCELED) && idle(),
	   "the rest of it is too late");

	request(10, 7, "queued");
	cancel(10, 7);
	ok(status(10, 7, XRPC_ST_CANCELED) && idle(),
	   "cancel of a queued one takes it back");
	ok(verdict(10, 7, "queued", XRPC_ST_CANCELED), "for good");

	request(10, 8, "peeked");
	ok(recvfrom(srv, req, 6, MSG_PEEK, (void *)&a,
		    &(socklen_t){ sizeof(a) }) == 6, "one that was peeked at");
	flush();
	cancel(10, 8);
	ok(status(10, 8, XRPC_ST_DETACHED), "may have run");
	if (!idle())
		recvfrom(srv, req, 6, MSG_DONTWAIT, (void *)&from,
			 &(socklen_t){ sizeof(a) });

	request(10, 9, "run");
	executed("run");
	flush();
	cancel(10, 9);
	ok(status(10, 9, XRPC_ST_DETACHED), "cancel of a running one detaches it");
	request(10, 10, "next");
	ok(executed_at(srv, "next", 4) && answer("n") && reply(10, 10, "n"),
	   "the channel's next is legal while it still runs");
	done(10, 10);
	request(10, 11, "run");
	executed("run");
	flush();
	cancel(10, 11);
	ok(status(10, 11, XRPC_ST_DETACHED), "another one");
	errno = 0;
	ok(!answer("x") && errno == ECANCELED, "whose late answer is refused");
	ok(verdict(10, 11, "run", XRPC_ST_DETACHED), "its verdict is kept");
	ok(call(10, 12, "more"), "the channel goes on");
	flush();
	cancel(10, 12);
	ok(status(10, 12, XRPC_ST_DROPPED),
	   "cancel of one whose reply was acknowledged");
}

/* ---- DONE of many ---------------------------------------------------- */

static void test_done(void)
{
	struct xrpc_done *d;
	unsigned int i, n = 0;
	struct xrpc_fhdr *f;

	for (i = 0; i < XRPC_DONE_MAX; i++) {
		request(200 + i, 1, "many");
		n += executed("many") && answer("m") && rx(100) &&
		     has_data(200 + i, 1, "m");
	}
	begin(0, peer_id);
	f = frame(&out, XRPC_FT_DONE, 0, 4 + 8 * XRPC_DONE_MAX);
	d = (void *)(f + 1);
	for (i = 0; i < XRPC_DONE_MAX; i++) {
		d[i].chan = htobe16(200 + i);
		d[i].seq = htobe32(1);
	}
	tx();
	flush();
	ok(n == XRPC_DONE_MAX && no_data(3000),
	   "one DONE acknowledges the replies of many channels");
	begin(0, peer_id);
	put_done(&out, 1023, 7);
	put_done(&out, 1024, 7);
	put_done(&out, 65535, 7);
	tx();
	ok(silent(), "of channels never used it is nothing");
}

/* ---- one-way --------------------------------------------------------- */

static void put_oneway(uint16_t chan, uint32_t seq)
{
	begin(0, peer_id);
	put_data_flags(&out, XRPC_DF_ONEWAY, chan, seq, "note", 4);
	tx();
}

static void test_oneway(void)
{
	put_oneway(12, 1);
	ok(acked(100), "a one-way message is acknowledged");
	put_oneway(12, 1);
	ok(status(12, 1, XRPC_ST_IN_PROGRESS), "again: in progress");
	put_oneway(12, 2);
	ok(silent(), "which does not free its channel");
	ok(executed("note") && !from.sxr_call && reply(12, 1, ""),
	   "a receive does, with an empty reply");
	put_oneway(12, 1);
	ok(reply(12, 1, "") && idle(), "again: the reply again");
	put_oneway(12, 2);
	ok(executed("note") && reply(12, 2, "") && idle(), "the next one");
	done(12, 2);
	cancel(12, 3);
	ok(status(12, 3, XRPC_ST_CANCELED), "cancelled before it came");
	put_oneway(12, 3);
	ok(status(12, 3, XRPC_ST_CANCELED) && idle(), "it is not received");
}

/* ---- deadlines ------------------------------------------------------- */

static void test_deadline(void)
{
	unsigned int n;
	char control[256];
	struct iovec iov = { req, sizeof(req) };
	struct msghdr m = {
		.msg_name = &from, .msg_namelen = sizeof(from),
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control, .msg_controllen = sizeof(control),
	};
	uint64_t left = 0;
	uint32_t method = 0;
	struct cmsghdr *c;
	int on = 1;

	begin(0, peer_id);
	put_method(&out, 13, 1, 5, 2000, "old");
	tx();
	ok(rx_until(XRPC_FT_STATUS, 10) && has_status(13, 1, XRPC_ST_EXPIRED),
	   "a deadline that passes in the queue is told at once");
	ok(!rx(50), "in one packet, which acknowledges the request as well");
	fails(recv(srv, req, sizeof(req), MSG_DONTWAIT), EAGAIN,
	      "and the request not received");
	flush();
	ok(verdict(13, 1, "old", XRPC_ST_EXPIRED), "for good");
	begin(0, peer_id);
	put_method(&out, 13, 2, 5, 0, "at once");
	tx();
	ok(!executed("at once") && rx_until(XRPC_FT_STATUS, 10) &&
	   has_status(13, 2, XRPC_ST_EXPIRED),
	   "nor one that has no time left");
	flush();
	for (n = 0; n < 3; n++) {
		begin(0, peer_id);
		put_method(&out, 14 + n, 1, 5, 2000, "group");
		tx();
	}
	begin(0, peer_id);
	put_method(&out, 13, 3, 5, 50000, "young");
	tx();
	for (n = 0; n < 3; n++)
		ok(rx_until(XRPC_FT_STATUS, 10) &&
		   has_status(14 + n, 1, XRPC_ST_EXPIRED), "each one is told");
	pass(10);
	flush();
	setsockopt(srv, SOL_XRPC, XRPC_RECVINFO, &on, sizeof(on));
	ok(recvmsg(srv, &m, 0) == 5 && !memcmp(req, "young", 5),
	   "behind such ones it is");
	on = 0;
	setsockopt(srv, SOL_XRPC, XRPC_RECVINFO, &on, sizeof(on));
	for (c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_type == XRPC_DEADLINE)
			memcpy(&left, CMSG_DATA(c), 8);
		if (c->cmsg_type == XRPC_METHOD)
			memcpy(&method, CMSG_DATA(c), 4);
	}
	ok(method == 5 && left > 30000 && left <= 40000,
	   "with its method and what is left (%llu us)",
	   (unsigned long long)left);
	pass(60);
	ok(answer("late") && rx_until(XRPC_FT_DATA, 100),
	   "an answer counts however late: the client decides");
	done(13, 3);
	flush();
}

/* ---- acknowledgements ------------------------------------------------ */

static void test_acks(void)
{
	uint64_t begun, took;
	unsigned int i;
	bool early;

	flush();
	begun = now_ms();
	request(20, 1, "ack");
	executed("ack");
	ok(acked(100), "a request not answered is acknowledged explicitly");
	took = now_ms() - begun;
	ok(took >= 4 && took <= 20, "after the server's delay (%llu ms)",
	   (unsigned long long)took);
	ok(!rx(1000), "once");
	answer("a");
	flush();
	request(20, 2, "prompt");
	ok(executed("prompt") && answer("p") && reply(20, 2, "p"),
	   "a prompt answer acknowledges by itself");
	done(20, 2);

	next_pn += 2;
	probe(21, 1);
	expect_status(21, 1, XRPC_ST_NOCALL);
	ok(rx(0) && same() && in.len == 24 + 12 + 4 + 16,
	   "an answer acknowledges two ranges where there is a gap");
	next_pn -= 2;
	begin(0, peer_id);
	put_pad(&out, 4);
	((struct xrpc_hdr *)out.b)->pn = htobe32(next_pn - 2);
	noted[(next_pn - 2) & 0xffff] = 1;
	tx_from(udp);
	next_pn += 1;
	begin(XRPC_HF_ACK_NOW, peer_id);
	put_pad(&out, 4);
	tx();
	ok(acked(0), "one that came late closes its part; the echo is the "
	   "largest; ACK_NOW is obeyed");
	next_pn += 2;
	begin(0, peer_id);
	put_pad(&out, 4);
	tx();
	ok(acked(0), "a gap is acknowledged at once, whatever comes after it");
	for (i = 0; i < 12; i++) {
		next_pn += 2;
		begin(0, peer_id);
		put_pad(&out, 4);
		tx();
		flush();
	}
	begin(XRPC_HF_ACK_NOW, peer_id);
	put_pad(&out, 4);
	tx();
	ok(acked(0) && in.len == 24 + 4 + 8 * 8, "of many ranges the newest");
	begin(0, peer_id);
	for (i = 0; i < 7; i++)
		put_part(&out, 21, 1, big, 9 * 1024, i * 1024, 1024);
	tx();
	early = rx(0);
	begin(0, peer_id);
	put_part(&out, 21, 1, big, 9 * 1024, i * 1024, 1024);
	tx();
	ok(!early && acked(0), "every eighth segment of an unfinished message");
	cancel(21, 1);
	ok(status(21, 1, XRPC_ST_CANCELED), "which is given up");
}

/* ---- a queue without room -------------------------------------------- */

static void test_busy(void)
{
	int size = 4096, queued = 0, i;

	setsockopt(srv, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (i = 0; i < 100; i++) {
		request(300 + i, 1, "full");
		if (rx_until(XRPC_FT_STATUS, 1))
			break;
		queued++;
	}
	ok(queued && has_status(300 + i, 1, XRPC_ST_BUSY),
	   "a full queue takes no more (%d)", queued);
	quiet();
	begin(0, peer_id);
	put_part(&out, 290, 1, big, 4096, 0, 2048);
	tx();
	ok(status(290, 1, XRPC_ST_BUSY), "nor the beginning of a long one");
	size = 1 << 18;
	setsockopt(srv, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (i = 0; i < queued; i++) {
		executed("full");
		answer("f");
		done(300 + i, 1);
	}
	flush();
	ok(idle() && verdict(300 + queued, 1, "full", XRPC_ST_BUSY),
	   "what was refused does not run when there is room again");
	begin(0, peer_id);
	put_part(&out, 290, 1, big, 4096, 2048, 2048);
	tx();
	ok(status(290, 1, XRPC_ST_BUSY) && idle(), "nor the end of the long one");
	ok(call(300 + queued, 2, "room"), "the channel's next does");
	flush();
}

/* A full queue refuses a session's first request: the session is recorded. */
static void test_busy_opening(void)
{
	const struct xrpc_accept *a = (const void *)none;
	int size = 4096, queued = 0, n, filler = udp;
	struct pkt first;

	close_session();
	setsockopt(srv, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	ok(open_session(ID(2)), "another session");
	for (n = 0; n < 100; n++) {
		request(300 + n, 1, "full");
		if (rx_until(XRPC_FT_STATUS, 1))
			break;
		queued++;
	}
	fresh(ID(3));
	udp_at(&udp, "127.0.0.1", 0);
	fetch_token(udp, our_id, &token);
	opening();
	put_data(&out, 0, 1, "busy");
	first = out;
	tx();
	ok(rx_until(XRPC_FT_STATUS, 100) && want_frame(a, XRPC_FT_ACCEPT) &&
	   has_status(0, 1, XRPC_ST_BUSY), "a full queue refuses an opening one");
	peer_id = xrpc_get64(a->server_id);
	size = 1 << 18;
	setsockopt(srv, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	for (n = 0; n < queued; n++) {
		executed("full");
		answer("f");
	}
	flush();
	begin(XRPC_HF_OPENING, 0);
	memcpy(out.b + 24, first.b + 24, first.len - 24);
	out.len = first.len;
	tx();
	ok(rx_until(XRPC_FT_STATUS, 100) && has_status(0, 1, XRPC_ST_BUSY) &&
	   idle(), "which does not run when there is room");
	begin(0, peer_id);
	put_data(&out, 0, 2, "proof");
	tx();
	ok(executed("proof") && answer("p") && rx_until(XRPC_FT_DATA, 100) &&
	   has_data(0, 2, "p"), "its session goes on");
	close_session();
	close(filler);
}

/* ---- a server that goes ---------------------------------------------- */

static void test_drain(void)
{
	ok(open_session(ID(4)), "another session");
	done(0, 2);
	request(40, 1, "queued");
	request(41, 1, "taken");
	ok(executed("queued"), "one is received");
	quiet();
	shutdown(srv, SHUT_RD);
	request(42, 1, "new");
	ok(status(42, 1, XRPC_ST_DRAINING), "a draining server takes no new calls");
	/* at the end of its queue a poll finds it readable */
	ok(told(42, 1, "new", XRPC_ST_DRAINING), "for good");
	begin(0, peer_id);
	put_data_flags(&out, XRPC_DF_ONEWAY, 43, 1, "note", 4);
	tx();
	ok(status(43, 1, XRPC_ST_DRAINING), "nor one-way messages");
	ok(answer("q") && rx(100) && has_data(40, 1, "q"), "it may answer");
	done(40, 1);
	req_len = recvfrom(srv, req, sizeof(req), 0, (void *)&from,
			   &(socklen_t){ sizeof(from) });
	ok(req_len == 5 && !memcmp(req, "taken", 5) && answer("t") &&
	   rx(100) && has_data(41, 1, "t"), "and read and answer the queued");
	ok(recv(srv, req, sizeof(req), 0) == 0, "then it is at the end");
	done(41, 1);
	flush();
}

static void test_gone(void)
{
	struct sockaddr_xrpc running;
	int other;

	close(srv);
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	ok(verdict(42, 1, "new", XRPC_ST_DRAINING),
	   "a new server's socket has the old one's records");
	ok(call(42, 2, "go on"), "and its sessions");
	flush();
	request(44, 1, "answered");
	ok(executed("answered") && answer("yes") && reply(44, 1, "yes"),
	   "a call that was answered");
	request(45, 1, "running");
	executed("running");
	running = from;
	request(46, 1, "waiting");
	begin(0, peer_id);
	put_part(&out, 47, 1, big, 4096, 0, 2048);
	tx();
	flush();
	(void)running;
	close(srv);
	ok(rx_until(XRPC_FT_STATUS, 100) &&
	   (has_status(45, 1, XRPC_ST_ABORTED) ||
	    has_status(46, 1, XRPC_ST_REFUSED)) &&
	   rx_until(XRPC_FT_STATUS, 100) &&
	   (has_status(45, 1, XRPC_ST_ABORTED) ||
	    has_status(46, 1, XRPC_ST_REFUSED)),
	   "a socket that goes tells of what ran and what did not");
	flush();
	request(45, 1, "running");
	ok(status(45, 1, XRPC_ST_ABORTED), "what it had received is aborted");
	request(46, 1, "waiting");
	ok(status(46, 1, XRPC_ST_REFUSED), "what it had not is refused");
	begin(0, peer_id);
	put_part(&out, 47, 1, big, 4096, 2048, 2048);
	tx();
	ok(status(47, 1, XRPC_ST_REFUSED), "so is what arrives then");
	request(48, 1, "nobody");
	ok(status(48, 1, XRPC_ST_REFUSED), "and what comes when nobody is there");
	request(44, 1, "answered");
	ok(rx_until(XRPC_FT_DATA, 100) && has_data(44, 1, "yes"),
	   "an answer outlives the socket that gave it");
	other = server_at(at("127.0.0.1", PORT, SERVICE + 1));
	request(49, 1, "other service");
	ok(rx_until(XRPC_FT_STATUS, 100) &&
	   has_status(49, 1, XRPC_ST_REFUSED),
	   "another service at the endpoint is another service");
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	done(44, 1);
	flush();
	ok(verdict(45, 1, "running", XRPC_ST_ABORTED) &&
	   verdict(46, 1, "waiting", XRPC_ST_REFUSED) &&
	   verdict(47, 1, "arriving", XRPC_ST_REFUSED) &&
	   verdict(48, 1, "nobody", XRPC_ST_REFUSED) &&
	   verdict(49, 1, "other service", XRPC_ST_REFUSED),
	   "none of them runs when somebody is there again");
	ok(call(48, 2, "somebody"), "their channels go on");
	flush();
	close(other);
}

/* ---- replies that are not kept --------------------------------------- */

static void test_budget(void)
{
	set_sysctl("kept_session_max_bytes", 65536);
	request(50, 1, "large");
	executed("large");
	give_answer(srv, big, 40000, &from);
	ok(rx(100) && find(XRPC_FT_DATA), "a large reply");
	flush();
	request(51, 1, "large too");
	executed("large too");
	give_answer(srv, big, 40000, &from);
	flush();
	request(50, 1, "large");
	ok(rx_until(XRPC_FT_STATUS, 100) && has_status(50, 1, XRPC_ST_DROPPED) &&
	   idle(), "beyond the budget the oldest reply is dropped, and so told");
	request(51, 1, "large too");
	ok(rx_until(XRPC_FT_DATA, 100) && idle(), "the newest is kept");
	done(51, 1);
	set_sysctl("kept_session_max_bytes", 8 << 20);
	flush();
	ok(call(50, 2, "on"), "the channel goes on");
	flush();
}

static void test_close(void)
{
	request(60, 1, "running");
	executed("running");
	request(61, 1, "waiting");
	begin(0, peer_id);
	put_part(&out, 62, 1, big, 4096, 0, 2048);
	tx();
	close_session();
	ok(idle(), "a close takes what was not received back");
	errno = 0;
	ok(!answer("x") && errno == ETIMEDOUT,
	   "an answer to what was is told that nobody waits");
	ok(silent() && !rx(20000), "and nothing is sent any more");
}

int main(void)
{
	unsigned int i;

	tap_begin();
	for (i = 0; i < sizeof(big); i++)
		big[i] = 'a' + i * 11 % 26;
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	udp_at(&udp, "127.0.0.1", 0);
	aim("127.0.0.1", PORT);
	ok(open_session(ID(1)), "a session");
	done(0, 2);
	flush();

	test_queued();
	test_replied();
	test_withheld();
	test_selective();
	test_optimistic();
	test_cancel();
	test_done();
	test_oneway();
	test_deadline();
	test_acks();
	test_busy();
	test_busy_opening();
	test_drain();
	test_gone();
	test_budget();
	test_close();
	ok(!numbers_wrong, "packet numbers were used once each, in order");
	return tap_end();
}
