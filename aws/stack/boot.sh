# shellcheck shell=bash
# The first boot of an instance: fetch the release that its tags name, check it, install it, and
# report success or failure to the Auto Scaling group. Idempotent. Needs curl and python3.
set -euo pipefail

imds=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254}
home=/opt/gas

say() { echo "gas: $*"; }

# Version 2 of the metadata service only: a token first. "$1" is a path below meta-data/.
metadata() {
    curl -sSf --max-time 5 --retry 5 --retry-connrefused \
        -H "X-aws-ec2-metadata-token: $token" "$imds/latest/meta-data/$1"
}

tag() { metadata "tags/instance/$1"; }

# The URL of a service; AWS_ENDPOINT_URL overrides it, as in boto3.
endpoint() { echo "${AWS_ENDPOINT_URL:-https://$1.$region.$domain}"; }

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

finished() {
    if [ "$1" -ne 0 ]; then
        say "the boot failed; the instance is abandoned"
        complete ABANDON
    fi
}

# Downloads and unpacks the artefact, unless the one with this checksum is here already.
fetch() {
    local url=$1 sha256=$2 file=$home/release.tar.gz whole=$home/releases/$2
    if [ ! -e "$whole/.fetched" ]; then
        signed s3 -H "x-amz-content-sha256: UNSIGNED-PAYLOAD" \
            --output "$file" "$(endpoint s3)/${url#s3://}"
        echo "$sha256  $file" | sha256sum --check --quiet
        rm -rf "$whole"
        mkdir -p "$whole"
        tar -xzf "$file" -C "$whole" --no-same-owner
        rm "$file"
        touch "$whole/.fetched"
    fi
    ln -sfn "$whole" "$home/current"
}

need() {
    command -v curl >/dev/null && return
    apt-get -qq update
    apt-get -qq install -y --no-install-recommends curl ca-certificates
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
