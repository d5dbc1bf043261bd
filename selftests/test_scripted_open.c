// SPDX-License-Identifier: GPL-2.0
/*
 * xrpc-test: mode=icount kernels=6.1,6.12 timeout=9000
 *
 * A scripted client: tokens, opening, what a server sends to one that is not
 * proven to be there, ids that are wrong or gone, and moving to another
 * address.
 */
#include "scripted.h"

#define PORT		4100
#define ID(n)		(0x1122334455660000ULL + (n))

static uint64_t born_before, born_after;	/* the endpoint, ns */

/* ---- tokens ---------------------------------------------------------- */

/* A whole answer to a request for a token; what is in it is opaque. */
static bool token_answer(uint64_t id, uint8_t flags)
{
	const struct xrpc_token_frame *t;
	struct xrpc_token_frame *w;

	if (!rx(100) || !want_frame(t, XRPC_FT_TOKEN))
		return false;
	expect_stray(id);
	w = frame(&want, XRPC_FT_TOKEN, flags, sizeof(*w));
	w->token = t->token;
	memcpy(w->epoch, t->epoch, sizeof(w->epoch));
	memcpy(w->horizon, t->horizon, sizeof(w->horizon));
	return same() && xrpc_get64(t->epoch) && xrpc_get64(t->horizon) <=
	       300 * 1000000ULL;
}

static void token_req(uint64_t id, uint64_t old_epoch, uint64_t old_id,
		      size_t pad)
{
	begin(0, 0);
	put_token_req(&out, id, old_epoch, old_id);
	if (pad)
		put_pad(&out, pad);
	tx_from(udp);
}

static void test_token_requests(void)
{
	const struct xrpc_token_frame *t = (const void *)none;
	struct sockaddr_xrpc a = {};
	socklen_t len = sizeof(a);
	uint64_t before, lo, hi;
	int c;

	token_req(ID(0), 0, 0, 4);
	ok(out.len == 60 && silent(),
	   "a token request smaller than its answer gets none");
	lo = now_ns() - born_after;
	token_req(ID(0), 0, 0, 8);
	ok(token_answer(ID(0), 0) && in.len == out.len,
	   "one of its size is answered, to the client's id, echoing");
	hi = now_ns() - born_before;
	want_frame(t, XRPC_FT_TOKEN);
	token = t->token;
	epoch = xrpc_get64(t->epoch);
	ok(xrpc_get64(t->horizon) >= lo / 1000 &&
	   xrpc_get64(t->horizon) <= hi / 1000,
	   "its horizon is the endpoint's age (%llu us)",
	   (unsigned long long)xrpc_get64(t->horizon));
	before = counter("DropMalformed");
	token_req(0, 0, 0, 8);
	ok(silent() && counter("DropMalformed") == before + 1,
	   "one without an id gets none");

	/* a client's endpoint, of a socket that is not connected */
	c = xrpc_socket();
	a = at("127.0.0.1", PORT, SERVICE);
	sendto(c, "x", 1, 0, (void *)&a, sizeof(a));
	if (executed("x"))
		answer("y");
	recv(c, req, sizeof(req), 0);
	before = counter("TokensMinted");
	getsockname(c, (void *)&a, &len);
	aim("127.0.0.1", ntohs(a.sxr_port));
	token_req(ID(0), 0, 0, 8);
	ok(silent() && a.sxr_port && counter("TokensMinted") == before,
	   "a client's port gives none");
	opening();
	put_data(&out, 0, 1, "x");
	tx_from(udp);
	begin(0, ID(1));
	put_data(&out, 0, 1, "x");
	tx_from(udp);
	ok(silent(), "nor has a word for opening packets and unknown ids");
	aim("127.0.0.1", PORT);
	close(c);
}

/* Send an opening packet with a request that must not run; expect RETRY. */
static bool refused_token(const struct xrpc_token *t, uint8_t flags,
			  uint64_t of_epoch)
{
	struct xrpc_open *o;

	begin(XRPC_HF_OPENING, 0);
	o = put_open(&out, t, our_id);
	o->h.flags = flags;
	xrpc_put64(o->epoch, of_epoch);
	put_data(&out, 0, 1, "x");
	tx_untaken();
	return token_answer(our_id, XRPC_TF_RETRY) && in.len <= 3 * out.len &&
	       idle();
}

/* An endpoint of its own; returns a token of it. */
static void other_token(int port, struct xrpc_token *t, uint64_t *of_epoch)
{
	uint64_t keep = epoch;
	int fd = server_at(at("127.0.0.1", port, SERVICE));

	aim("127.0.0.1", port);
	fetch_token(udp, our_id, t);
	*of_epoch = epoch;
	epoch = keep;
	close(fd);
	aim("127.0.0.1", PORT);
}

static void test_bad_tokens(void)
{
	struct xrpc_token forged;
	uint64_t other_epoch;
	unsigned int i, good;
	int fd;

	fresh(ID(1));
	for (i = 0, good = 0; i < 128; i++) {
		forged = token;
		forged.w[i / 32] ^= htobe32(1U << (i % 32));
		good += refused_token(&forged, 0, epoch);
	}
	ok(good == 128, "a token with any bit changed gets another (%u)", good);
	for (i = 0, good = 0; i < 64; i++)
		good += refused_token(&token, 0, epoch ^ 1ULL << i);
	ok(good == 64, "so does one of another epoch (%u)", good);
	ok(refused_token(&token, XRPC_OF_NO_TOKEN, epoch),
	   "and who says to have none");
	memset(&forged, 0, sizeof(forged));
	ok(refused_token(&forged, XRPC_OF_NO_TOKEN, 0), "and has none");
	begin(XRPC_HF_OPENING, 0);
	put_open(&out, &forged, our_id)->h.flags = XRPC_OF_NO_TOKEN;
	put_data_flags(&out, XRPC_DF_REPLAYABLE, 0, 1, "x", 1);
	tx_untaken();
	ok(token_answer(our_id, XRPC_TF_RETRY) && idle(),
	   "also with a replayable call, where the server does not run them");

	fd = udp;
	udp_at(&udp, "127.0.0.1", 0);
	ok(refused_token(&token, 0, epoch), "a token of another port opens nothing");
	close(udp);
	udp_at(&udp, "127.0.0.2", 0);
	ok(refused_token(&token, 0, epoch), "nor of another address");
	close(udp);
	udp = fd;

	other_token(PORT + 1, &forged, &other_epoch);
	ok(refused_token(&forged, 0, other_epoch) &&
	   refused_token(&forged, 0, epoch), "nor of another endpoint");
	/* nothing was kept there, so the same port is another epoch */
	other_token(PORT + 2, &forged, &other_epoch);
	fd = server_at(at("127.0.0.1", PORT + 2, SERVICE));
	aim("127.0.0.1", PORT + 2);
	ok(refused_token(&forged, 0, other_epoch),
	   "nor of an earlier epoch of the same port");
	close(fd);
	aim("127.0.0.1", PORT);

	begin(XRPC_HF_OPENING, 0);
	put_open(&out, &token, 0);
	put_data(&out, 0, 1, "x");
	tx_untaken();
	ok(silent() && idle(), "no id of the client: nothing");
	begin(XRPC_HF_OPENING, ID(1));
	put_open(&out, &token, ID(1));
	put_data(&out, 0, 1, "x");
	tx_untaken();
	ok(silent() && idle(), "an opening packet to an id: nothing");
}

/* ---- opening --------------------------------------------------------- */

static void test_opening(void)
{
	const struct xrpc_accept *a = (const void *)none;
	struct xrpc_token forged;

	fresh(ID(2));
	opening();
	put_data(&out, 0, 1, "one");
	tx();
	ok(executed("one"), "a good token opens and executes at once");
	ok(from.sxr_service == SERVICE, "at the service it names");
	answer("eins");
	ok(rx(100) && want_frame(a, XRPC_FT_ACCEPT), "the reply tells an id");
	peer_id = xrpc_get64(a->server_id);
	peer_pn--;
	expect_accept();
	put_data(&want, 0, 1, "eins");
	ok(same() && peer_id, "epoch, delay and limits, and is the reply");
	peer_pn++;

	opening();
	put_data(&out, 0, 1, "one");
	tx();
	expect_accept();
	put_data(&want, 0, 1, "eins");
	ok(answered() && idle(),
	   "the request again gets the reply again, and does not run");
	tx();
	ok(silent(), "the same packet number again gets nothing");

	forged = token;
	forged.w[2] ^= 1;
	begin(XRPC_HF_OPENING, 0);
	put_open(&out, &forged, our_id);
	put_data(&out, 0, 2, "two");
	tx();
	ok(executed("two"), "a known id at its address needs no token any more");
	answer("zwei");
	expect_accept();
	put_data(&want, 0, 2, "zwei");
	ok(answered(), "its reply tells the id as well");
	request(0, 3, "three");
	ok(executed("three") && answer("drei") && reply(0, 3, "drei"),
	   "once it was shown the id is told no more");
	ok(in.len == 24 + 16 + 4, "40 bytes and the reply (%zu)", in.len);
	close_session();
}

/* Whichever packet comes first makes the session. */
static void test_first_packets(void)
{
	const struct xrpc_accept *a = (const void *)none;

	fresh(ID(3));
	opening();
	put_ref(&out, XRPC_FT_CANCEL, 4, 7);
	tx();
	ok(rx(100) && want_frame(a, XRPC_FT_ACCEPT) &&
	   has_status(4, 7, XRPC_ST_CANCELED), "a cancel may open a session");
	peer_id = xrpc_get64(a->server_id);
	opening();
	put_data(&out, 4, 7, "late");
	tx();
	expect_accept();
	put_status(&want, 4, 7, XRPC_ST_CANCELED);
	put_acks(&want, 4);
	ok(answered() && idle(), "the request behind it does not run");
	close_session();

	fresh(ID(4));
	opening();
	put_ref(&out, XRPC_FT_PROBE, 4, 7);
	tx();
	ok(rx(100) && find(XRPC_FT_ACCEPT) && has_status(4, 7, XRPC_ST_NOCALL),
	   "so may a probe");
	fresh(ID(5));
	opening();
	put_close(&out);
	put_data(&out, 0, 1, "x");
	tx();
	ok(silent() && idle(), "a close ends what its packet opens");
	opening();
	put_data(&out, 0, 1, "x");
	tx();
	ok(silent() && idle(), "for good");
}

static void test_session_limit(void)
{
	uint64_t before;

	fresh(ID(6));
	set_sysctl("max_sessions", 1);
	before = counter("DropLimit");
	opening();
	put_data(&out, 0, 1, "many");
	tx();
	ok(silent() && idle() && counter("DropLimit") == before + 1,
	   "beyond the limit of sessions there is no word");
	pass(100);
	set_sysctl("max_sessions", 65536);
	tx_from(udp);
	ok(token_answer(our_id, XRPC_TF_RETRY) && idle(),
	   "and what was minted before is worthless then");
	fresh(ID(2));
	opening();
	put_data(&out, 0, 1, "one");
	tx_untaken();
	ok(token_answer(our_id, XRPC_TF_RETRY) && idle(),
	   "also for those whose session ended, which are forgotten");
	fresh(ID(6));
	fetch_token(udp, our_id, &token);
	opening();
	put_data(&out, 0, 1, "many");
	tx();
	ok(executed("many") && answer("x") && rx(100) &&
	   has_data(0, 1, "x"), "a new token opens when there is room");
}

/* ---- a client that was not shown to be there -------------------------- */

static void test_unproven(void)
{
	static char big[XRPC_MSG_MAX];
	const struct xrpc_accept *a = (const void *)none;
	uint64_t rx_bytes, tx_bytes = 0, drops;
	unsigned int n = 0;
	size_t small;

	fresh(ID(7));
	opening();
	put_data(&out, 0, 1, "small");
	tx();
	rx_bytes = out.len;
	executed("small");
	answer("s");
	ok(rx(100) && want_frame(a, XRPC_FT_ACCEPT) && has_data(0, 1, "s"),
	   "a reply to a client that was not shown to be there");
	peer_id = xrpc_get64(a->server_id);
	tx_bytes += in.len;
	small = in.len;
	n++;
	ok(!rx(60000), "comes once: no timer sends it again");

	opening();
	put_data(&out, 1, 1, "big");
	tx();
	rx_bytes += out.len;
	executed("big");
	memset(big, 'b', sizeof(big));
	give_answer(srv, big, sizeof(big), &from);
	opening();
	put_data(&out, 2, 1, "more");
	tx();
	rx_bytes += out.len;
	executed("more");
	give_answer(srv, big, sizeof(big), &from);
	while (n < 100 && rx(1000)) {
		tx_bytes += in.len;
		n++;
		/* open the window: by opening packets, which show no id */
		opening();
		put_range(&out, 0, n - 1);
		tx();
		rx_bytes += out.len;
	}
	ok(n == 10 && tx_bytes > 3 * rx_bytes,
	   "ten packets of any size in all (%u of %llu bytes for %llu)", n,
	   (unsigned long long)tx_bytes, (unsigned long long)rx_bytes);
	ok(!rx(60000), "and no more by any timer");

	/* after that three bytes for one, to the byte */
	drops = counter("DropUnproven");
	opening();
	put_data(&out, 3, 1, "small");
	put_pad(&out, (tx_bytes + small - 1) / 3 - rx_bytes - out.len - 3);
	tx();
	rx_bytes += out.len;
	executed("small");
	answer("s");
	ok(3 * rx_bytes < tx_bytes + small && silent() &&
	   counter("DropUnproven") > drops,
	   "one byte too many is not sent (%lld)",
	   (long long)(tx_bytes + small - 3 * rx_bytes));
	opening();
	put_data(&out, 3, 1, "small");
	tx();
	rx_bytes += out.len;
	expect_accept();
	put_data(&want, 3, 1, "s");
	ok(answered(), "what three times the bytes received allow is");
	tx_bytes += in.len;

	/* an acknowledgement that rides on it counts */
	next_pn += 2;
	opening();
	put_data(&out, 3, 1, "small");
	tx();
	rx_bytes += out.len;
	while (rx(50)) {
		tx_bytes += in.len;
		n++;
	}
	ok(tx_bytes <= 3 * rx_bytes, "never more (%llu for %llu)",
	   (unsigned long long)tx_bytes, (unsigned long long)rx_bytes);
	done(3, 1);
	rx_until(XRPC_FT_DATA, 5000);
	ok(find(XRPC_FT_DATA) && !find(XRPC_FT_ACCEPT),
	   "when the id was shown the rest comes");
	close_session();
}

/* The same with replies that carry acknowledgements. */
static void test_unproven_acks(void)
{
	static char big[XRPC_MSG_MAX];
	uint64_t rx_bytes = 0, tx_bytes = 0;
	unsigned int n = 0, i, over = 0;

	fresh(ID(8));
	for (i = 0; i < 400; i++) {
		/* a gap each time: the answer acknowledges at once */
		next_pn += 2;
		opening();
		put_data(&out, i % 4, 1, "req");
		tx();
		rx_bytes += out.len;
		if (i < 4) {
			executed("req");
			memset(big, 'b', 1300);
			give_answer(srv, big, i ? 1300 : 1, &from);
		}
		while (rx(0)) {
			tx_bytes += in.len;
			n++;
			over += n > 10 && tx_bytes > 3 * rx_bytes;
		}
	}
	ok(n > 10 && !over, "acknowledgements beside data count "
	   "(%u packets, %llu bytes for %llu, %u times too many)", n,
	   (unsigned long long)tx_bytes, (unsigned long long)rx_bytes, over);
	ok(3 * rx_bytes - tx_bytes < 1500, "and as what they are");
}

/* ---- replayable calls without a token -------------------------------- */

static void tokenless(uint8_t flags, const char *text)
{
	static const struct xrpc_token no;

	begin(XRPC_HF_OPENING, 0);
	put_open(&out, &no, our_id)->h.flags = XRPC_OF_NO_TOKEN;
	put_data_flags(&out, flags, 0, 1, text, strlen(text));
	peer_pn = 0;		/* of no session, and without a number */
	tx_from(udp);
}

static void test_tokenless(void)
{
	static char large[400];
	int on = 1;

	fresh(ID(15));
	setsockopt(srv, SOL_XRPC, XRPC_ACCEPT_REPLAYABLE, &on, sizeof(on));
	tokenless(XRPC_DF_REPLAYABLE, "any time");
	ok(executed("any time") && answer("yes"),
	   "a server may run replayable calls without a token");
	expect_stray(our_id);
	put_data(&want, 0, 1, "yes");
	ok(answered() && !rx(20000),
	   "the reply comes from no session, and once");
	tokenless(XRPC_DF_REPLAYABLE, "any time");
	ok(executed("any time") && answer("yes") && rx(100) &&
	   has_data(0, 1, "yes"), "nothing is kept: again it runs again");
	tokenless(XRPC_DF_REPLAYABLE, "large");
	executed("large");
	give_answer(srv, large, 3 * out.len - 24 - 16, &from);
	ok(rx(100) && in.len == 3 * out.len && find(XRPC_FT_DATA),
	   "a reply of three times its packet is sent");
	tokenless(XRPC_DF_REPLAYABLE, "large");
	executed("large");
	give_answer(srv, large, 3 * out.len - 24 - 16 + 1, &from);
	ok(token_answer(our_id, XRPC_TF_RETRY),
	   "of one byte more a token is instead");
	tokenless(0, "once");
	ok(token_answer(our_id, XRPC_TF_RETRY) && idle(),
	   "other calls do not run");
	tokenless(XRPC_DF_REPLAYABLE | XRPC_DF_ONEWAY, "note");
	ok(token_answer(our_id, XRPC_TF_RETRY) && idle(),
	   "nor one-way messages");
	begin(XRPC_HF_OPENING, 0);
	put_open(&out, &token, our_id)->h.flags = XRPC_OF_NO_TOKEN;
	put_part(&out, 0, 1, large, 400, 0, 300)->h.flags |= XRPC_DF_REPLAYABLE;
	tx_from(udp);
	ok(token_answer(our_id, XRPC_TF_RETRY) && idle(),
	   "nor what is longer than a packet");
	on = 0;
	setsockopt(srv, SOL_XRPC, XRPC_ACCEPT_REPLAYABLE, &on, sizeof(on));
	peer_pn = 0;
}

/* ---- ids that are not known ------------------------------------------ */

static bool nosession(uint64_t id)
{
	expect_stray(0);
	put_nosession(&want, next_pn - 1, id);
	return answered() && in.len <= out.len;
}

static void test_nosession(void)
{
	unsigned int i, good = 0;
	int other;

	ok(open_session(ID(9)), "a session");
	begin(0, 0xdeadbeefULL);
	put_data(&out, 0, 1, "who");
	tx_from(udp);
	ok(nosession(0xdeadbeefULL),
	   "an unknown id gets NOSESSION, naming id and packet");
	begin(0, 0xdeadbeefULL);
	put_pad(&out, 16);
	tx_from(udp);
	ok(nosession(0xdeadbeefULL) && in.len == out.len, "of the same size");
	begin(0, 0xdeadbeefULL);
	put_pad(&out, 15);
	tx_from(udp);
	ok(silent(), "none where it would be larger");
	begin(0, 0xdeadbeefULL);
	put_nosession(&out, 1, 2);
	tx_from(udp);
	ok(silent(), "none in answer to one");
	begin(0, 0xdeadbeefULL);
	put_pad(&out, 16);
	put_nosession(&out, 1, 2);
	tx_from(udp);
	ok(silent(), "nor to one behind padding");
	begin(0, 0xdeadbeefULL);
	frame(&out, XRPC_FT_TOKEN, 0, sizeof(struct xrpc_token_frame));
	tx_from(udp);
	ok(silent(), "nor to a token");
	for (i = 0; i < 64; i++) {
		begin(0, peer_id ^ 1ULL << i);
		put_data(&out, 0, 3, "guessed");
		tx_from(udp);
		good += nosession(peer_id ^ 1ULL << i);
	}
	ok(good == 64 && idle(), "an id guessed but for one bit runs nothing");
	other = server_at(at("127.0.0.1", PORT + 3, SERVICE));
	aim("127.0.0.1", PORT + 3);
	begin(0, peer_id);
	put_data(&out, 0, 3, "elsewhere");
	tx_from(udp);
	ok(nosession(peer_id), "an id of another endpoint is not known");
	aim("127.0.0.1", PORT);
	close(other);
	begin(0, our_id);
	put_data(&out, 0, 3, "own");
	tx_from(udp);
	ok(nosession(our_id), "nor the client's own");
	close_session();
}

/* ---- earlier incarnations -------------------------------------------- */

static void test_close(void)
{
	struct pkt first;
	uint64_t horizon;
	const struct xrpc_token_frame *t;

	ok(open_session(ID(10)), "a session");
	opening();
	put_data(&out, 0, 3, "again");
	first = out;
	next_pn--;
	request(0, 3, "late");
	executed("late");
	token_req(ID(11), epoch, peer_id, 8);
	ok(token_answer(ID(11), XRPC_TF_ALIVE), "its id is known as alive");
	token_req(ID(11), epoch + 1, peer_id, 8);
	ok(token_answer(ID(11), 0), "of this epoch only");
	token_req(ID(11), epoch, peer_id + 1, 8);
	ok(token_answer(ID(11), 0), "no other id is");
	close_session();
	errno = 0;
	ok(!answer("x") && errno == ETIMEDOUT,
	   "an answer after the close is told so");
	token_req(ID(11), epoch, peer_id, 8);
	ok(token_answer(ID(11), 0), "nor it, after the close");
	begin(0, peer_id);
	put_data(&out, 0, 4, "ghost");
	tx_from(udp);
	ok(nosession(peer_id) && idle(), "which gets NOSESSION");
	out = first;
	tx_from(udp);
	ok(silent() && idle(),
	   "an opening packet of a closed session opens nothing");
	pass(590000);
	tx_from(udp);
	ok(silent() && idle(), "nor as long as its token is good");
	pass(20000);
	tx_from(udp);
	ok(token_answer(ID(10), XRPC_TF_RETRY) && idle(),
	   "after that it gets a new token, no more");
	want_frame(t, XRPC_FT_TOKEN);
	horizon = xrpc_get64(t->horizon);
	ok(horizon == 300 * 1000000ULL,
	   "a horizon of five minutes, though the endpoint is older (%llu us)",
	   (unsigned long long)horizon);
}

static void test_idle_close(void)
{
	struct pkt first;

	ok(open_session(ID(12)), "a session");
	opening();
	put_data(&out, 0, 3, "again");
	first = out;
	done(0, 2);
	flush();
	pass(299000);
	ok(call(0, 3, "awake"), "lives for five minutes after its last packet");
	flush();
	pass(301000);
	flush();
	begin(0, peer_id);
	put_data(&out, 0, 4, "ghost");
	tx_from(udp);
	ok(nosession(peer_id) && idle(), "and no longer");
	/* the token is too old by now, the id decides before it */
	out = first;
	tx_from(udp);
	ok(silent() && idle(), "its opening packet opens nothing");
}

static void test_stale_token(void)
{
	struct xrpc_token old;

	fresh(ID(13));
	fetch_token(udp, our_id, &old);
	pass(599500);
	token = old;
	opening();
	put_data(&out, 0, 1, "young");
	tx();
	ok(executed("young"), "a token is good for ten minutes");
	answer("y");
	flush();
	pass(1000);
	fresh(ID(14));
	ok(refused_token(&old, 0, epoch), "and no longer");
	fetch_token(udp, our_id, &token);
}

/* ---- another address ------------------------------------------------- */

static void test_moving(void)
{
	const struct xrpc_accept *a = (const void *)none;
	struct xrpc_token there;
	int here = udp, moved, third;
	unsigned int i, n;
	bool large = false;
	uint64_t pn;

	ok(open_session(ID(20)), "a session");
	udp_at(&moved, "127.0.0.3", 0);
	udp_at(&third, "127.0.0.4", 0);

	udp = moved;
	request(0, 3, "moved");
	noted_max--;
	noted[(next_pn - 1) & 0xffff] = 0;
	ok(token_answer(our_id, XRPC_TF_RETRY | XRPC_TF_ALIVE) && idle() &&
	   in.len <= 3 * out.len,
	   "its id from another address runs nothing and gets a token");
	there = ((const struct xrpc_token_frame *)find(XRPC_FT_TOKEN))->token;
	begin(0, peer_id);
	put_pad(&out, 4);
	tx_from(udp);
	ok(token_answer(our_id, XRPC_TF_RETRY | XRPC_TF_ALIVE) &&
	   in.len <= 3 * out.len,
	   "of at most three times the smallest packet");
	udp = here;
	next_pn -= 2;
	ok(call(0, 3, "here"), "the session stays where it was");

	udp = moved;
	begin(XRPC_HF_OPENING, 0);
	put_open(&out, &token, our_id);
	put_data(&out, 0, 4, "old token");
	tx_untaken();
	ok(token_answer(our_id, XRPC_TF_RETRY | XRPC_TF_ALIVE) && idle(),
	   "its first token does not move it");
	token = there;
	pn = next_pn;
	next_pn = noted_max;
	opening();
	put_data(&out, 0, 4, "old number");
	tx_from(udp);
	ok(silent() && idle(), "nor an older packet number");
	next_pn = pn;
	for (i = 0, n = 0; i < 50; i++) {
		begin(0, peer_id);
		put_data(&out, 0, 4, "spoofed");
		tx_from(third);
		n += rx_at(third, 0);
		large |= in.len > 3 * out.len;
	}
	ok(n < 10 && !large && idle(), "a spoofed source runs nothing (%u answers)", n);
	udp = here;
	next_pn = noted_max + 1;
	ok(call(0, 4, "still"), "and does not take over");

	udp = moved;
	opening();
	put_data(&out, 0, 5, "moved");
	tx();
	ok(executed("moved") && answer("yes"),
	   "the new token with the largest number moves it");
	ok(rx(100) && want_frame(a, XRPC_FT_ACCEPT) && has_data(0, 5, "yes") &&
	   xrpc_get64(a->server_id) == peer_id, "the same session");
	ok(!rx(10000), "where it is not proven to be, so nothing comes unasked");
	udp = here;
	begin(0, peer_id);
	put_data(&out, 0, 6, "back");
	tx_untaken();
	ok(token_answer(our_id, XRPC_TF_RETRY | XRPC_TF_ALIVE) && idle(),
	   "the old address is another one now");
	udp = moved;
	ok(call(0, 6, "there"), "the new one goes on by the id alone");
	request(0, 7, "slow");
	executed("slow");
	flush();
	udp = here;
	fetch_token(udp, our_id, &token);
	opening();
	put_ref(&out, XRPC_FT_PROBE, 0, 7);
	tx();
	ok(rx(100) && find(XRPC_FT_ACCEPT) &&
	   has_status(0, 7, XRPC_ST_IN_PROGRESS), "it moves while a call runs");
	done(0, 6);
	answer("at home");
	ok(rx_until(XRPC_FT_DATA, 100) && has_data(0, 7, "at home"),
	   "whose reply goes to where the client is");
	close_session();
	close(moved);
	close(third);
}

int main(void)
{
	tap_begin();
	born_before = now_ns();
	srv = server_at(at("127.0.0.1", PORT, SERVICE));
	born_after = now_ns();
	udp_at(&udp, "127.0.0.1", 0);
	aim("127.0.0.1", PORT);

	test_token_requests();
	test_bad_tokens();
	test_opening();
	test_first_packets();
	test_session_limit();
	test_unproven();
	test_unproven_acks();
	test_tokenless();
	test_nosession();
	test_close();
	test_idle_close();
	test_stale_token();
	test_moving();
	ok(!numbers_wrong, "packet numbers were used once each, in order");
	return tap_end();
}
