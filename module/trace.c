// SPDX-License-Identifier: GPL-2.0-only
/* The tracepoints' one definition. */
#include <linux/module.h>

#include "internal.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

/**
 * xrpc_trace_call() - tell of a call that changes its state
 * @c: call of a locked session, still in the old state
 * @to: the new state
 */
void xrpc_trace_call(const struct xrpc_call *c, enum xrpc_call_state to)
{
	trace_xrpc_call(c->s->id, c->chan, c->seq, c->state, to);
}

/**
 * xrpc_trace_chan() - tell of a channel that changes its state
 * @s: session, locked
 * @chan: channel
 * @ch: its slot, still in the old state
 * @to: the new state
 */
void xrpc_trace_chan(const struct xrpc_session *s, u16 chan,
		     const struct xrpc_chan *ch, enum xrpc_chan_state to)
{
	trace_xrpc_chan(s->id, s->server, chan, ch->seq, ch->state, to);
}

/**
 * xrpc_trace_session() - tell of a session that changes its state
 * @s: session, locked, still in the old state
 * @to: the new state
 */
void xrpc_trace_session(const struct xrpc_session *s,
			enum xrpc_session_state to)
{
	trace_xrpc_session(s->id, s->server, s->state, to);
}
