// SPDX-License-Identifier: GPL-2.0-only
/*
 * A virtual machine that was restored from a snapshot may be one of several.
 * What another of them ran is in no record here, and it draws the same
 * connection ids: every epoch ends, and every session.
 */
#include <linux/notifier.h>
#include <linux/random.h>

#include "internal.h"

static LIST_HEAD(nets);
static DEFINE_MUTEX(nets_mutex);	/* nests outside of xn->ep_mutex */

/**
 * xrpc_vmfork_add_net() - a namespace wants to know
 * @xn: namespace
 */
void xrpc_vmfork_add_net(struct xrpc_net *xn)
{
	mutex_lock(&nets_mutex);
	list_add(&xn->list, &nets);
	mutex_unlock(&nets_mutex);
}

/**
 * xrpc_vmfork_del_net() - a namespace goes
 * @xn: namespace
 */
void xrpc_vmfork_del_net(struct xrpc_net *xn)
{
	mutex_lock(&nets_mutex);
	list_del(&xn->list);
	mutex_unlock(&nets_mutex);
}

static int forked(struct notifier_block *nb, unsigned long event, void *data)
{
	struct xrpc_net *xn;

	mutex_lock(&nets_mutex);
	list_for_each_entry(xn, &nets, list) {
		XRPC_INC(xn, VmForks);
		xrpc_endpoint_renew_net(xn);
		xrpc_peer_flush(xn);
	}
	mutex_unlock(&nets_mutex);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = forked };

int __init xrpc_vmfork_init(void)
{
	return register_random_vmfork_notifier(&notifier);
}

void xrpc_vmfork_exit(void)
{
	unregister_random_vmfork_notifier(&notifier);
}
