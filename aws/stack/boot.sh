# shellcheck shell=bash
# The first boot of an instance: fetch the release that its tags name, check it, install it, and
# report success or failure to the Auto Scaling group. Idempotent. Needs curl and python3.
set -euo pipefail

imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
home=/opt/gas
log=/var/log/cloud-init-output.log

say() { echo "gas: $*"; }

# Version 2 of the metadata service only: a token first. "$1" is a path below meta-data/.
metadata() {
    curl -sSf --max-time 5 --retry 5 --retry-connrefused \
        -H "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/$1"
}

# A tag is data, of one line; whoever may tag instances shall not run anything on them.
tag() {
    local value
    value=$(metadata "tags/instance/$1")
    [[ $value != *[[:cntrl:]]* ]] || { say "the tag $1 has more than one line" >&2 && return 1; }
    printf '%s\n' "$value"
}

# The URL of a service; AWS_ENDPOINT_URL overrides it, as in boto3.
endpoint() { echo "${AWS_ENDPOINT_URL:-https://$1.$region.$domain}"; }

# The URL of "$1", BUCKET/KEY: a bucket has a host of its own, but for an endpoint that is set.
object() {
    if [ -n "${AWS_ENDPOINT_URL:-}" ]; then echo "$AWS_ENDPOINT_URL/$1"; else
        echo "https://${1%%/*}.s3.$region.$domain/${1#*/}"
    fi
}

field() { sed -n "s/.*\"$1\" *: *\"\([^\"]*\)\".*/\1/p"; }

# curl with the instance's own credentials, which stay out of the process list: signed SERVICE …
signed() {
    local service=$1 role credentials
    shift
    role=$(metadata iam/security-credentials/)
    credentials=$(metadata "iam/security-credentials/$role")
    curl -sSf --retry 5 --max-time 600 --config - "$@" <<CONFIG
aws-sigv4 = "aws:amz:$region:$service"
user = "$(field AccessKeyId <<<"$credentials"):$(field SecretAccessKey <<<"$credentials")"
header = "x-amz-security-token: $(field Token <<<"$credentials")"
CONFIG
}

# Ends the wait of the launch: CONTINUE puts the instance in service, ABANDON replaces it.
complete() {
    signed autoscaling --output /dev/null "$(endpoint autoscaling)/" \
        --data Action=CompleteLifecycleAction --data Version=2011-01-01 \
        --data LifecycleHookName=launching --data "LifecycleActionResult=$1" \
        --data-urlencode "AutoScalingGroupName=$(tag aws:autoscaling:groupName)" \
        --data "InstanceId=$(metadata instance-id)" || say "no launch waits for $1"
}

# A call to CloudWatch Logs: its name, its JSON.
logs() {
    signed logs --output /dev/null "$(endpoint logs)/" -H "X-Amz-Target: Logs_20140328.$1" \
        -H "Content-Type: application/x-amz-json-1.1" --data-binary "$2"
}

# The end of this boot's log to CloudWatch: an abandoned instance is gone at once, and its disk.
report() {
    local group stream events
    group=/$(tag gas:gas.prefix)/boot
    stream=$(metadata instance-id)/failed
    events=$(tail -n 100 "$log" | python3 -c '
import json, sys, time
now = int(time.time() * 1000)
lines = [line.rstrip()[:500] or "-" for line in open(0, encoding="utf-8", errors="replace")]
print(json.dumps({"logGroupName": sys.argv[1], "logStreamName": sys.argv[2],
    "logEvents": [{"timestamp": now, "message": line} for line in lines]}))' "$group" "$stream")
    logs CreateLogStream "{\"logGroupName\": \"$group\", \"logStreamName\": \"$stream\"}" || true
    logs PutLogEvents "$events"
}

finished() {
    if [ "$1" -ne 0 ]; then
        say "the boot failed; the instance is abandoned"
        report || say "its log could not be sent to CloudWatch"
        complete ABANDON
    fi
}

# Downloads and unpacks the artefact, unless the one with this checksum is here already.
fetch() {
    local url=$1 sha256=$2 file=$home/release.tar.gz whole=$home/releases/$2
    if [ ! -e "$whole/.fetched" ]; then
        signed s3 -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" \
            --output "$file" "$(object "${url#s3://}")"
        echo "$sha256  $file" | sha256sum --check --quiet
        rm -rf "$whole"
        mkdir -p "$whole"
        tar -xzf "$file" -C "$whole" --no-same-owner
        rm "$file"
        touch "$whole/.fetched"
    fi
    ln -sfn "$whole" "$home/current"
}

# Demands that "$1.sig" is a signature of "$1" by the key with this fingerprint, which "$3" holds.
signature() {
    gpgv --status-fd 1 --keyring "$3" "$1.sig" "$1" |
        grep -q "^\[GNUPG:\] VALIDSIG .* $2$"
}

# A PGP key without its armour, as gpgv wants it.
unarmoured() { tr -d '\r' | sed '1,/^$/d;/^[=-]/d' | base64 -d; }

# Debian's own daily update may hold the lock at a first boot.
packages() { apt-get -qq -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"; }

need() {
    command -v curl >/dev/null && return
    apt-get -qq -o DPkg::Lock::Timeout=300 update
    packages curl ca-certificates
}

boot() {
    need
    token=$(curl -sSf --max-time 5 --retry 10 --retry-connrefused -X PUT \
        -H "X-aws-ec2-metadata-token-ttl-seconds: 21600" "$imds/latest/api/token")
    region=$(metadata placement/region)
    domain=$(metadata services/domain)
    trap 'finished $?' EXIT
    mkdir -p "$home/releases"
    fetch "$(tag gas:release)" "$(tag gas:sha256)"
    export token region
    "$home/current/aws/stack/install.sh" "$1"
    complete CONTINUE
    say "$1 is up"
}
