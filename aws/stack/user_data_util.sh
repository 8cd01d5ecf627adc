#!/bin/bash
# What the utility instance runs at its first boot; ./gas deploy puts boot.sh in the place of the line below.
. "$(dirname "$0")/boot.sh"
boot util
