#!/bin/bash
# What a web instance runs at its first boot; ./gas deploy puts boot.sh in the place of the line below.
. "$(dirname "$0")/boot.sh"
boot web
