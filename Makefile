# For package builders, and for machines without a package manager.
#   make                     the static program
#   make install DESTDIR=D   install all files of the packages below D. There is no PREFIX, because the
#                            units name /usr/bin/preflight-rke2
#   make deb rpm             packages, below target/packages
# The program for clusters: make PACKAGE=preflight-rke2-cluster deb
# Another target: make TARGET=aarch64-unknown-linux-musl
TARGET = x86_64-unknown-linux-gnu
DESTDIR =
PACKAGE = preflight-rke2
export PREFLIGHT_PACKAGE = $(PACKAGE)

all:
	packaging/build $(TARGET)

install:
	packaging/install make "$(DESTDIR)" "$$(packaging/build $(TARGET))"

deb:
	packaging/deb/build $(TARGET)

rpm:
	packaging/rpm/build $(TARGET)

check:
	tests/run quick

.PHONY: all install deb rpm check
