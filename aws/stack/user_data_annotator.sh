#!/bin/bash
# What an annotator runs at its first boot; ./gas deploy puts boot.sh in the place of the line below.
. "$(dirname "$0")/boot.sh"
boot annotator
