#!/bin/bash
# The user data of the utility instance: its first boot. ./gas deploy replaces the next line by boot.sh.
. "$(dirname "$0")/boot.sh"
boot util
