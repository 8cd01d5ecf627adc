#!/bin/bash
# The user data of an annotator: its first boot. ./gas deploy replaces the next line by boot.sh.
. "$(dirname "$0")/boot.sh"
boot annotator
