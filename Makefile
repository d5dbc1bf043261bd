# SPDX-License-Identifier: GPL-2.0-only
KDIR	?= /lib/modules/$(shell uname -r)/build
HAVE_K	:= $(wildcard $(KDIR)/Makefile)
DESTDIR	?=
prefix	?= /usr/local
T	?=

all: $(if $(HAVE_K),modules) tools selftests

help:
	@echo 'make demo           two hosts talk through a lossy network, in a guest'
	@echo 'make check [T=name] the tests, on the stock kernels, in guests'
	@echo 'make check-debug    the same and KUnit on the debug kernel'
	@echo 'make check-mutants  break the code on purpose: the tests must notice'
	@echo 'make bench          against UDP and TCP, side by side'
	@echo 'make modules        the module for the running kernel, or KDIR=...'
	@echo 'make tools          the library and the tools'
	@echo 'make install        all of it, for this machine'

modules:
	$(MAKE) -C $(KDIR) M=$(CURDIR) modules

tools selftests:
	$(MAKE) -C $@

# What a guest needs is fetched where it is missing; only packages need root.
need:
	@scripts/need --install

check: need
	@selftests/run_check $(T)

check-debug: need
	@selftests/run_check --debug $(T)

check-mutants: need
	@selftests/run_mutants $(M)

bench: need
	@selftests/bench/run

demo: need
	@echo "demo: building the tools and the module, booting a guest with it"
	@$(MAKE) -s tools selftests >/dev/null
	@selftests/qemu/run --no-build -- bash /xrpc/selftests/demo.sh

install: all
	$(if $(HAVE_K),$(MAKE) -C $(KDIR) M=$(CURDIR) \
		INSTALL_MOD_PATH=$(DESTDIR) modules_install,\
		@echo "no headers of this kernel: the module is not installed")
	$(MAKE) -C tools install DESTDIR=$(DESTDIR) prefix=$(prefix)
	install -D -m 644 uapi/linux/xrpc.h \
		$(DESTDIR)$(prefix)/include/linux/xrpc.h

clean:
	$(if $(HAVE_K),$(MAKE) -C $(KDIR) M=$(CURDIR) clean)
	$(MAKE) -C tools clean
	$(MAKE) -C selftests clean
	rm -rf out

.PHONY: all help modules tools selftests need check check-debug check-mutants \
	bench demo install clean
