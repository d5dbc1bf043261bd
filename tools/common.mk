# SPDX-License-Identifier: GPL-2.0-only
# What the makefiles of the tools share.  They are run in their own directory,
# one below this file's.

XRPC_VERSION	:= 0.1.0

prefix		?= /usr/local
bindir		?= $(prefix)/bin
libdir		?= $(prefix)/lib
includedir	?= $(prefix)/include
mandir		?= $(prefix)/share/man
docdir		?= $(prefix)/share/doc/xrpc
bashcompdir	?= $(prefix)/share/bash-completion/completions
pkgconfigdir	?= $(libdir)/pkgconfig

CC		?= gcc
AR		?= ar
INSTALL		?= install
SCDOC		?= scdoc
CFLAGS		?= -O2 -g

# WERROR=1 makes warnings errors, as the checks of this project do.
XRPC_CFLAGS	:= -std=c11 -D_GNU_SOURCE -Wall -Wextra -Wmissing-prototypes \
		   -Wstrict-prototypes -Wshadow $(if $(WERROR),-Werror) \
		   -MMD -MP -I$(CURDIR)/../../uapi -I$(CURDIR)/../libxrpc

# V=1 shows the commands.
Q		:= $(if $(V),,@)
say		= $(if $(V),,@printf '  %-7s %s\n' $(1) $(notdir $(CURDIR))/$@)

HAVE_SCDOC	:= $(shell command -v $(SCDOC) 2>/dev/null)

# Pages are written in scdoc; without it they are left out, and that is said.
%: %.scd
	$(call say,SCDOC)
	$(Q)$(SCDOC) <$< >$@.tmp && mv $@.tmp $@
