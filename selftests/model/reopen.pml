/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One request through epochs, sessions, tokens and crashes.
 *
 * The names are those of module/internal.h and module/wire.h; each inline says
 * which function it stands for: open.c, session.c and timer.c mostly. What
 * happens on a channel of one session is the business of call.pml; here a
 * session has one channel, and its only call is the request that is watched.
 *
 * The network keeps every packet ever sent, and may deliver it at any time,
 * any number of times, or never: also after crashes, to who came later. Of the
 * answers to token requests, RETRY among them, it keeps one until there is a
 * newer one.
 *
 * Time is counted in ticks, and everything has an age that stops counting
 * where it makes no difference any more, so that time has no end. What happens
 * within one tick has no order: the worst case for each comparison of times.
 * The lengths keep the order of the module's: the time for which records are
 * guaranteed (IDLE, 300 s) is less than a token's life (LIFE, 600 s). A client
 * gives up whenever it likes, or not at all, as one that was suspended does.
 *
 * What is left out, and why that loses nothing:
 * - Addresses. A token is bound to one; so a server here may at any time find
 *   any token bad, as it finds one that comes from elsewhere, without its being
 *   bad for good. The rotation of secrets is covered by the same.
 * - Other calls of the session. Their packets may open a session at the server
 *   and keep it alive ("other" below).
 * - NOSESSION. A hint, which anybody may give: a client that is OPEN may think
 *   at any time that the server does not know it.
 * - The server's ids. None is ever issued again, so it is enough to know of an
 *   id whether its session lives. Packets to one that does not do nothing.
 * - All but the youngest token that an id's packets were sent with: it is good
 *   as long as any of them. A packet with an older one is taken once the youngest
 *   has opened the session; here the two are one step.
 * - Clocks' errors, and the margin for them.
 *
 * -DBREAK_... takes one rule away: then the checker has to find what for.
 */
#ifndef LIFE
#define LIFE	2		/* XRPC_TOKEN_LIFETIME */
#endif
#define IDLE	1		/* XRPC_IDLE_SERVER */
#ifndef EPOCHS
#define EPOCHS	2		/* of the server, so one crash less */
#endif
#ifndef IDS
#define IDS	2		/* ids of the client */
#endif
#define ROUNDS	2		/* questions under one id */
#define OLD	(LIFE + 1)	/* where ages stop */
#define UNSENT	(OLD + 1)

mtype = {
	NONE,
	/* enum xrpc_session_state */
	XRPC_SESS_TOKEN, XRPC_SESS_OPENING, XRPC_SESS_OPEN,
	XRPC_SESS_REOPENING, XRPC_SESS_CLOSED,
	/* enum xrpc_call_state */
	XRPC_CALL_PENDING, XRPC_CALL_SENDING, XRPC_CALL_WAITING,
	XRPC_CALL_CANCELING, XRPC_CALL_DONE,
	XRPC_CALL_QUEUED, XRPC_CALL_REPLIED,
	/* a server's verdict: not executed */
	REFUSED,
	/* enum xrpc_outcome */
	XRPC_REPLIED, XRPC_NOT_EXECUTED, XRPC_UNKNOWN,
	/* where the session of a server's id is */
	ALIVE, DEAD
};

/* ---- the network: all by client id ------------------------------------ */

/* Opening packets: the age of their youngest token, OLD also if it is void. */
byte op_token[IDS] = UNSENT;
bool op_request[IDS], op_cancel[IDS];	/* what is in some of them */

/* Packets to a server's session that lives. */
bool st_request[IDS], st_cancel[IDS], st_close[IDS];

/* What servers' sessions said of the request. */
bool rep[IDS], ack[IDS], refused[IDS], lost[IDS];

/* ACCEPT of dead sessions: a bit for each epoch. */
byte accepts[IDS];

/* TOKEN_REQ: a bit for each round, and the id named after the first. */
byte asked[IDS];
mtype named[IDS] = NONE;

/* TOKEN: the answer under way. */
bool a_used, a_retry, a_alive;		/* XRPC_TF_RETRY, XRPC_TF_ALIVE */
byte a_id;				/* of the client it goes to */
byte a_round;				/* question it answers, by open_pn */
byte a_epoch, a_minted, a_horizon;	/* a_minted is an age */

/* ---- the client (struct xrpc_session, struct xrpc_call) --------------- */

mtype sess = XRPC_SESS_TOKEN, call = XRPC_CALL_PENDING;
byte id, round, epoch, token;		/* the token's age */
mtype remote = NONE;			/* the server's id */
bool first_sent, acked, replayed;
byte sent_age;				/* since first_sent */
bool opened;				/* an opening packet has this id */
byte open_age;				/* since the first did */

/* ---- the server ------------------------------------------------------ */

byte s_epoch, s_age;			/* ep->epoch, since ep->born */

mtype s_sess[IDS] = NONE;		/* NONE: forgotten, or never known */
byte heard[IDS], closed[IDS];		/* ages */
mtype s_call[IDS] = NONE;		/* NONE: sequence not seen */

/* ---- what the promises are about -------------------------------------- */

bool ran;
mtype told = NONE;

#ifdef REPLAYABLE
#define MAY_REPLAY	(call != XRPC_CALL_CANCELING)
#else
#define MAY_REPLAY	false
#endif

inline tell(outcome)			/* xrpc_client_end() */
{
	assert(told == NONE);
	if
#ifndef BREAK_REPLAYED
	:: replayed && outcome == XRPC_NOT_EXECUTED -> told = XRPC_UNKNOWN
	:: !(replayed && outcome == XRPC_NOT_EXECUTED) ->
#else
	:: true ->
#endif
		assert(outcome != XRPC_NOT_EXECUTED || !ran);
		assert(outcome != XRPC_REPLIED || ran);
		told = outcome
	fi;
	call = XRPC_CALL_DONE;
	sent_age = 0;
	first_sent = false;
	acked = false;
	replayed = false
}

inline execute()			/* xrpc_recv_take() */
{
#ifndef REPLAYABLE
	assert(!ran);			/* at most once, over all epochs */
#endif
	assert(told != XRPC_NOT_EXECUTED);	/* and it stays true */
	ran = true
}

/* ---- the client ------------------------------------------------------ */

#define ACTIVE	(call == XRPC_CALL_SENDING || call == XRPC_CALL_WAITING || \
		 call == XRPC_CALL_CANCELING)

inline session_close()			/* xrpc_session_close() */
{
	if
	:: told == NONE && first_sent -> tell(XRPC_UNKNOWN)
	:: told == NONE && !first_sent -> tell(XRPC_NOT_EXECUTED)
	:: else
	fi;
	sess = XRPC_SESS_CLOSED;
	/* nothing of this matters any more */
	id = 0; round = 0; epoch = 0; token = 0; remote = NONE;
	opened = false; open_age = 0;
	a_used = false; a_retry = false; a_alive = false; a_id = 0;
	a_round = 0; a_epoch = 0; a_minted = 0; a_horizon = 0;
	asked[0] = 0; asked[IDS - 1] = 0;
	named[0] = NONE; named[IDS - 1] = NONE
}

inline ask_again()
{
	sess = XRPC_SESS_REOPENING;
	round++;
	named[id] = remote;
	asked[id] = asked[id] | (1 << round)
}

#ifdef BREAK_OLD_ANSWER
#define FRESH	true
#else
#define FRESH	(a_round == round)
#endif
#ifdef BREAK_HORIZON
#define WITHIN	true
#else
#define WITHIN	(sent_age < a_horizon)
#endif
#define NEVER_RAN	(!first_sent || (!acked && WITHIN))

inline reopened()
{
	if
	:: call == XRPC_CALL_SENDING && NEVER_RAN	/* sent again */
	:: call == XRPC_CALL_CANCELING && NEVER_RAN -> tell(XRPC_NOT_EXECUTED)
	:: ACTIVE && !NEVER_RAN && MAY_REPLAY ->
		replayed = true;
		acked = false;
		call = XRPC_CALL_SENDING
	:: ACTIVE && !NEVER_RAN && !MAY_REPLAY -> tell(XRPC_UNKNOWN)
	:: else
	fi;
	/* xrpc_session_renew() */
	id++;
	round = 0;
	remote = NONE;
	opened = false;
	open_age = 0
}

/*
 * A RETRY's token may go on the same ids if its epoch is that of the token they
 * have, and it was minted while the server had the session; or the server had
 * none, and must still have it if it ever had: the first opening packet went out
 * less than the time ago for which records are guaranteed. So it never had one,
 * or has one by now. Anything else could open a session again whose calls ran.
 */
#define RECORDED	(a_epoch == epoch && (a_alive || (remote == NONE && \
				(!opened || open_age < IDLE))))
#if defined(BREAK_RETRY_EPOCH)
#define KEEP	(a_epoch != epoch || RECORDED)
#elif defined(BREAK_RETRY_FORGOTTEN)
#define KEEP	(a_epoch == epoch || RECORDED)
#elif defined(BREAK_RETRY_OPEN)
#define KEEP	(RECORDED || (a_epoch == epoch && sess == XRPC_SESS_OPEN))
#elif defined(BREAK_RETRY_CALLS)
#define KEEP	(RECORDED || (a_epoch == epoch && \
			sess == XRPC_SESS_OPENING && \
			(!ACTIVE || !first_sent || sent_age < IDLE)))
#else
#define KEEP	RECORDED
#endif

inline take_token()
{
	epoch = a_epoch;
	token = a_minted
}

inline open_token()			/* xrpc_open_token() */
{
	if
	:: sess == XRPC_SESS_TOKEN && !a_retry ->
		sess = XRPC_SESS_OPENING;
		take_token()
	:: sess == XRPC_SESS_REOPENING && !a_retry && FRESH ->
		if
		:: a_epoch == epoch && a_alive ->
			sess = XRPC_SESS_OPEN;
			take_token()
		:: !(a_epoch == epoch && a_alive) && id < IDS - 1 ->
			reopened();
			sess = XRPC_SESS_OPENING;
			take_token()
		:: else			/* the model has no more ids */
		fi
	:: (sess == XRPC_SESS_OPENING || sess == XRPC_SESS_OPEN) && a_retry ->
		if
		:: KEEP ->
			sess = XRPC_SESS_OPENING;
			take_token()
		:: !KEEP && a_epoch != epoch && id < IDS - 1 ->
			/* its RETRY is as good as an answer: asked of this id */
			reopened();
			sess = XRPC_SESS_OPENING;
			take_token()
		:: !KEEP && a_epoch == epoch && remote != NONE &&
		   round < ROUNDS - 1 ->
			ask_again()
#ifdef BREAK_RETRY_RENEWS
		:: !KEEP && a_epoch == epoch && remote == NONE && id < IDS - 1 ->
			reopened();
			sess = XRPC_SESS_OPENING;
			take_token()
#endif
		:: else -> session_close()
		fi
	:: else
	fi
}

inline send_opening()
{
	if
	:: epoch == s_epoch && token < op_token[id] -> op_token[id] = token
	:: epoch != s_epoch && OLD < op_token[id] -> op_token[id] = OLD
	:: else
	fi;
	opened = true
}

proctype Client()
{
	do
	/* on_channel() */
	:: atomic { (sess == XRPC_SESS_OPENING || sess == XRPC_SESS_OPEN) &&
		    call == XRPC_CALL_PENDING ->
		call = XRPC_CALL_SENDING }
	/* xrpc_send_segment(), first or again */
	:: atomic { call == XRPC_CALL_SENDING && sess == XRPC_SESS_OPENING ->
		send_opening();
		op_request[id] = true;
		first_sent = true }
	:: atomic { call == XRPC_CALL_SENDING && sess == XRPC_SESS_OPEN ->
		st_request[id] = (remote == ALIVE);
		first_sent = true }
	/* xrpc_send_callref() */
	:: atomic { call == XRPC_CALL_CANCELING && sess == XRPC_SESS_OPENING ->
		send_opening();
		op_cancel[id] = true }
	:: atomic { call == XRPC_CALL_CANCELING && sess == XRPC_SESS_OPEN ->
		st_cancel[id] = (remote == ALIVE) }
	/* packets of other calls */
	:: atomic { sess == XRPC_SESS_OPENING -> send_opening() }
	/* xrpc_client_cancel() */
	:: atomic { call == XRPC_CALL_SENDING || call == XRPC_CALL_WAITING ->
		call = XRPC_CALL_CANCELING }
	/* xrpc_client_abandon(): the deadline passes */
	:: atomic { ACTIVE ->
		if
		:: first_sent -> tell(XRPC_UNKNOWN)
		:: else -> tell(XRPC_NOT_EXECUTED)
		fi }
	/* no longer needed, given up, or the client crashed */
	:: atomic { sess != XRPC_SESS_CLOSED ->
		if
		:: sess == XRPC_SESS_OPEN -> st_close[id] = (remote == ALIVE)
		:: true
		fi;
		session_close() }
	/* xrpc_open_nosession() */
	:: atomic { sess == XRPC_SESS_OPEN && round < ROUNDS - 1 ->
		ask_again() }
	:: atomic { a_used && a_id == id && sess != XRPC_SESS_CLOSED ->
		open_token() }
	/* xrpc_open_accept() */
	:: atomic { sess == XRPC_SESS_OPENING && remote != DEAD &&
		    s_sess[id] == XRPC_SESS_OPEN ->
		remote = ALIVE;
		epoch = s_epoch;
		sess = XRPC_SESS_OPEN }
	:: atomic { sess == XRPC_SESS_OPENING && remote != ALIVE &&
		    accepts[id] ->
		if
		:: accepts[id] & 1 -> epoch = 0
		:: accepts[id] & 2 -> epoch = 1
		:: accepts[id] & 4 -> epoch = 2
		fi;
		remote = DEAD;
		sess = XRPC_SESS_OPEN }
	/* a session's packet: xrpc_client_data(), xrpc_client_status() */
	:: atomic { ACTIVE && rep[id] -> tell(XRPC_REPLIED) }
	:: atomic { ACTIVE && refused[id] -> tell(XRPC_NOT_EXECUTED) }
	:: atomic { ACTIVE && lost[id] -> tell(XRPC_UNKNOWN) }
	:: atomic { ACTIVE && !acked && ack[id] ->
		acked = true;
		if
		:: call == XRPC_CALL_SENDING -> call = XRPC_CALL_WAITING
		:: else
		fi }
	:: sess == XRPC_SESS_CLOSED -> break
	od
}

/* ---- the server ------------------------------------------------------ */

/*
 * xrpc_open_packet(): the id is looked up before the token is judged. With a
 * good token (xrpc_token_ok()), or from where the session's packets come, the
 * packet is taken.
 */
#define OPENS(x)	(op_token[x] != UNSENT && \
			 (s_sess[x] == XRPC_SESS_OPEN || \
			  (s_sess[x] == NONE && op_token[x] <= LIFE)))

#ifdef BREAK_EPOCH_AGE
#define HORIZON	IDLE
#else
#define HORIZON	s_age			/* xrpc_endpoint_horizon() */
#endif

inline put_answer(is_retry, is_alive, x, r)	/* fill_token() */
{
	if
	:: sess != XRPC_SESS_CLOSED && x == id ->
		a_used = true;
		a_retry = is_retry;
		a_alive = is_alive;
		a_id = x;
		a_round = r;
		a_epoch = s_epoch;
		a_minted = 0;
		a_horizon = HORIZON
	:: else
	fi
}

inline accept_session(x)
{
	if
	:: s_sess[x] == NONE -> s_sess[x] = XRPC_SESS_OPEN
	:: else
	fi;
	heard[x] = 0
}

inline got_request(x)			/* xrpc_server_data() */
{
	heard[x] = 0;
	if
	:: s_call[x] == NONE ->
		if
		:: s_call[x] = XRPC_CALL_QUEUED
		:: s_call[x] = REFUSED;
		   refused[x] = true
		fi;
		ack[x] = true
	:: else				/* the answers are on their way */
	fi
}

inline got_cancel(x)			/* xrpc_server_cancel() */
{
	heard[x] = 0;
	if
	:: s_call[x] == NONE || s_call[x] == XRPC_CALL_QUEUED ->
		s_call[x] = REFUSED;
		refused[x] = true
	:: else
	fi
}

/* A session's id is none any more. */
inline dead_id(x)
{
	if
	:: s_sess[x] == XRPC_SESS_OPEN && sess != XRPC_SESS_CLOSED &&
	   x == id ->
		accepts[x] = accepts[x] | (1 << s_epoch);
		if
		:: remote == ALIVE -> remote = DEAD
		:: else
		fi;
		if
		:: named[x] == ALIVE -> named[x] = DEAD
		:: else
		fi
	:: else
	fi;
	st_request[x] = false;
	st_cancel[x] = false;
	st_close[x] = false;
	s_call[x] = NONE;
	heard[x] = 0;
	closed[x] = 0
}

inline close_session(x)
{
	dead_id(x);
	s_sess[x] = XRPC_SESS_CLOSED
}

inline forget(x)
{
	dead_id(x);
	s_sess[x] = NONE
}

/* The application takes the request, and answers it or does not. */
inline application(x)
{
	execute();
	s_call[x] = XRPC_CALL_REPLIED;
	if
	:: rep[x] = true
	:: lost[x] = true
	fi
}

#if defined(BREAK_ID_MEMORY)
#define FORGET(x)	true
#elif defined(BREAK_MEMORY_MARGIN)
#define FORGET(x)	(closed[x] >= LIFE)
#else
#define FORGET(x)	(closed[x] > LIFE)
#endif

proctype Server(byte x)		/* what concerns one id of the client */
{
end:	do
	/* opening packets */
	:: atomic { OPENS(x) && op_request[x] ->
		accept_session(x);
		got_request(x) }
	:: atomic { OPENS(x) && op_cancel[x] ->
		accept_session(x);
		got_cancel(x) }
	:: atomic { OPENS(x) -> accept_session(x) }
	/* with a bad token, or from another address: xrpc_open_retry() */
	:: atomic { op_token[x] != UNSENT && s_sess[x] != XRPC_SESS_CLOSED ->
		put_answer(true, s_sess[x] == XRPC_SESS_OPEN, x, 0) }
	/* packets of a session */
	:: atomic { st_request[x] -> got_request(x) }
	:: atomic { st_cancel[x] -> got_cancel(x) }
	:: atomic { st_close[x] -> close_session(x) }
	/* xrpc_open_token_req() */
	:: atomic { asked[x] & 1 -> put_answer(false, false, x, 0) }
	:: atomic { asked[x] & 2 ->
		put_answer(false, named[x] == ALIVE, x, 1) }
	:: atomic { s_call[x] == XRPC_CALL_QUEUED -> application(x) }
	/* server_due(), xrpc_timer() */
	:: atomic { s_sess[x] == XRPC_SESS_OPEN && heard[x] >= IDLE ->
		close_session(x) }
	:: atomic { s_sess[x] == XRPC_SESS_CLOSED && FORGET(x) -> forget(x) }
	od
}

/* ---- crashes, pressure and time --------------------------------------- */

inline age(v, most)
{
	v = (v < most -> v + 1 : v)
}

inline void_tokens(t)
{
	t = (t < OLD -> OLD : t)
}

/*
 * The watermark is raised to now: tokens minted before are void, records of
 * sessions closed before are forgotten, and what is of this very moment stays.
 * That a token or record is older than the mark is true as long as it was once.
 */
inline watermark(x)
{
#ifndef BREAK_WATERMARK
	if
	:: op_token[x] > 0 -> void_tokens(op_token[x])
	:: else
	fi;
#endif
	if
#ifdef BREAK_WATERMARK_STRICT
	:: s_sess[x] == XRPC_SESS_CLOSED -> forget(x)
#else
	:: s_sess[x] == XRPC_SESS_CLOSED && closed[x] > 0 -> forget(x)
#endif
	:: else
	fi
}

inline age_id(x)
{
	if
	:: op_token[x] < OLD -> op_token[x]++
	:: else
	fi;
	if
	:: s_sess[x] == XRPC_SESS_OPEN -> age(heard[x], IDLE)
	:: s_sess[x] == XRPC_SESS_CLOSED -> age(closed[x], OLD)
	:: else
	fi
}

proctype World()
{
	byte i;

end:	do
	/* the endpoint ends, and another begins */
	:: d_step { s_epoch < EPOCHS - 1 ->
		for (i : 0 .. IDS - 1) {
			forget(i);
#ifndef BREAK_EPOCH_IN_TOKEN
			void_tokens(op_token[i])
#endif
		}
		s_epoch++;
		s_age = 0;
		i = 0 }
	/* under pressure the watermark is raised to now */
	:: d_step { true ->
		for (i : 0 .. IDS - 1) {
			watermark(i)
		}
#ifndef BREAK_WATERMARK
		if
		:: a_minted > 0 && a_epoch == s_epoch -> void_tokens(a_minted)
		:: else
		fi;
		if
		:: token > 0 && epoch == s_epoch -> void_tokens(token)
		:: else
		fi;
#endif
		i = 0 }
	/* a tick */
	:: d_step { true ->
		for (i : 0 .. IDS - 1) {
			age_id(i)
		}
		if
		:: a_used -> age(a_minted, OLD)
		:: else
		fi;
		if
		:: sess != XRPC_SESS_CLOSED -> age(token, OLD)
		:: else
		fi;
		if
		:: first_sent -> age(sent_age, IDLE)
		:: else
		fi;
		if
		:: opened -> age(open_age, IDLE)
		:: else
		fi;
		age(s_age, IDLE);
		i = 0 }
	od
}

init
{
	byte i;

	atomic {
		asked[0] = 1;
		run Client();
		for (i : 0 .. IDS - 1) {
			run Server(i)
		}
		run World();
		i = 0
	}
}
