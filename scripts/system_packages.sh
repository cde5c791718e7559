#!/bin/sh
# The real counterparts that the end-to-end tests talk to, on Debian and its like. A test whose
# counterpart is missing is skipped with a line that names the package.
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -y -qq --no-install-recommends \
  python3-venv g++ ffmpeg libegl1 libgl1 libgl1-mesa-dri xvfb xauth xdotool x11-apps \
  jackd2 libasound2 libportaudio2 liblo-tools puredata-core chromium \
  avahi-daemon libavahi-client3 libavahi-common3
