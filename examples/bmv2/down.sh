#!/bin/sh
# Takes away what up.sh has made.
exec "$(dirname -- "$0")/../two-sites/down.sh"
