// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tokens: proof that a client receives at the address it sends from.
 *
 * A token is the time it was minted, in microseconds, and a SipHash of that,
 * the endpoint's epoch and the client's address and port, under a secret of the
 * endpoint.  The server keeps no state for it.
 *
 * Secrets change: each mints for XRPC_TOKEN_LIFETIME / 2, and is kept until the
 * last token that it minted has run out.
 */
#include "internal.h"

#define SECRET_PERIOD	(XRPC_TOKEN_LIFETIME / 2 / NSEC_PER_USEC)

struct token_input {
	u64		epoch;
	u64		minted;
	struct in6_addr	addr;
	u64		port;
} __aligned(SIPHASH_ALIGNMENT);

/* Number of the secret that mints at a time.  Never 0. */
static u64 period(u64 us)
{
	return div_u64(us, SECRET_PERIOD) + 1;
}

static struct xrpc_secret *slot(struct xrpc_endpoint *ep, u64 number)
{
	return &ep->secrets[number % XRPC_SECRETS];
}

/* The secret to mint with.  The one it replaces has no token left. */
static struct xrpc_secret *secret_now(struct xrpc_endpoint *ep, u64 number)
{
	struct xrpc_secret *x = slot(ep, number);

	/* pairs with the release below: the key is read after it */
	if (likely(smp_load_acquire(&x->number) >= number))
		return x;
	spin_lock_bh(&ep->lock);
	if (x->number < number) {
		get_random_bytes(&x->key, sizeof(x->key));
		/* whoever sees the number sees its key */
		smp_store_release(&x->number, number);
	}
	spin_unlock_bh(&ep->lock);
	return x;
}

static u64 token_mac(const struct xrpc_endpoint *ep,
		     const struct xrpc_secret *x, const struct in6_addr *addr,
		     __be16 port, u64 minted)
{
	struct token_input in = {
		.epoch = ep->epoch,
		.minted = minted,
		.addr = *addr,
		.port = be16_to_cpu(port),
	};

	return siphash(&in, sizeof(in), &x->key);
}

/**
 * xrpc_token_mint() - make a token
 * @ep: endpoint it opens sessions at
 * @addr: client's address
 * @port: client's port
 * @now: monotonic ns
 * @t: receives it
 */
void xrpc_token_mint(struct xrpc_endpoint *ep, const struct in6_addr *addr,
		     __be16 port, u64 now, struct xrpc_token *t)
{
	u64 minted = div_u64(now, NSEC_PER_USEC);
	struct xrpc_secret *x = secret_now(ep, period(minted));

	xrpc_put64(t->w, minted);
	xrpc_put64(t->w + 2, token_mac(ep, x, addr, port, minted));
}

/**
 * xrpc_token_ok() - judge a token
 * @ep: endpoint
 * @addr: address the packet with it came from
 * @port: port it came from
 * @now: monotonic ns
 * @t: token
 */
bool xrpc_token_ok(struct xrpc_endpoint *ep, const struct in6_addr *addr,
		   __be16 port, u64 now, const struct xrpc_token *t)
{
	u64 minted = xrpc_get64(t->w), us = div_u64(now, NSEC_PER_USEC);
	const struct xrpc_secret *x = slot(ep, period(minted));

	/* another processor's clock may be a little ahead in what it minted */
	if (minted < READ_ONCE(ep->mint_min) || minted > us + USEC_PER_SEC ||
	    us > minted + XRPC_TOKEN_LIFETIME / NSEC_PER_USEC)
		return false;
	/* pairs with the release in secret_now() */
	if (smp_load_acquire(&x->number) != period(minted))
		return false;
	/* 64 bits compare at once: no prefix of the MAC can be felt out */
	return xrpc_get64(t->w + 2) == token_mac(ep, x, addr, port, minted);
}
