// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since when interfaces have been there without a break.
 *
 * While one is down or has no carrier another host may take over an address that
 * this host keeps, and be told to run things.  It is noted when an interface
 * came up or went, and what was before that is not vouched for.
 */
#include <linux/netdevice.h>

#include "internal.h"

/* Jiffies as they fit into an entry; counted modulo the range. */
static unsigned long stamp(void)
{
	return jiffies / 2 & LONG_MAX;
}

static unsigned long since(unsigned long then)
{
	return ((stamp() - then) & LONG_MAX) * 2;
}

static void note(struct xrpc_net *xn, int ifindex)
{
	unsigned long now = stamp();

	WRITE_ONCE(xn->link_any, now);
	if (xa_is_err(xa_store(&xn->links, ifindex, xa_mk_value(now),
			       GFP_KERNEL)))
		WRITE_ONCE(xn->link_lost, now);
}

static int event(struct notifier_block *nb, unsigned long what, void *info)
{
	struct net_device *dev = netdev_notifier_info_to_dev(info);
	struct xrpc_net *xn = xrpc_net(dev_net(dev));

	switch (what) {
	case NETDEV_UP:
	case NETDEV_DOWN:
	case NETDEV_CHANGE:
		if (!(dev->flags & IFF_LOOPBACK))
			note(xn, dev->ifindex);
		break;
	case NETDEV_UNREGISTER:
		xa_erase(&xn->links, dev->ifindex);
		break;
	}
	return NOTIFY_DONE;
}

static struct notifier_block links = { .notifier_call = event };

/**
 * xrpc_link_age() - how long an interface has been up without a break
 * @xn: namespace
 * @dev: interface; of the loopback interface, whose addresses come in by
 *	 others: how long all others have been
 *
 * Under rcu_read_lock().
 *
 * Return: jiffies.
 */
unsigned long xrpc_link_age(struct xrpc_net *xn, const struct net_device *dev)
{
	unsigned long age = since(READ_ONCE(xn->link_lost));
	void *entry;

	if (dev->flags & IFF_LOOPBACK)
		return min(age, since(READ_ONCE(xn->link_any)));
	entry = xa_load(&xn->links, dev->ifindex);
	return entry ? min(age, since(xa_to_value(entry))) : age;
}

void xrpc_link_init_net(struct xrpc_net *xn)
{
	xa_init(&xn->links);
	/* nothing was lost and nothing came as far as anybody remembers */
	xn->link_any = (stamp() - LONG_MAX / 2) & LONG_MAX;
	xn->link_lost = xn->link_any;
}

void xrpc_link_exit_net(struct xrpc_net *xn)
{
	xa_destroy(&xn->links);
}

int __init xrpc_link_init(void)
{
	return register_netdevice_notifier(&links);
}

void xrpc_link_exit(void)
{
	unregister_netdevice_notifier(&links);
}
