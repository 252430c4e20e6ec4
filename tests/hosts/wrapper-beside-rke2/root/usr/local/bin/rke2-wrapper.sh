#!/bin/sh
exec /usr/bin/rke2 "$@" --profile ""
