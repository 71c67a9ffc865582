#!/bin/sh
# Makes Longplay's namespace, and what Temporal's user interface can be asked by.
set -eu

tries=60
until temporal operator cluster health >/dev/null 2>&1; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || { echo "Temporal is not well" >&2 && exit 1; }
    sleep 2
done
temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1 ||
    temporal operator namespace create --retention 72h --namespace "$TEMPORAL_NAMESPACE"
for name in Playbook PlaybookVersion Lane; do
    temporal operator search-attribute create --name "$name" --type Keyword ||
        echo "the search attribute $name is there, or not to be had; everything works without" >&2
done
