"""The page that recovers, for the screen of a phone or tablet: one file that works without a network.

What it shows is `calibration.recovery_target`. A screen has 256 levels a colour, far too few for a step of a tenth:
every pixel is one of the two nearest levels, by a pattern that never moves, so that their mean is the light meant.
"""

import json
from pathlib import Path
from typing import Final, Literal

from calibration.recovery_target import (
    BLANCHED,
    FLASH_S,
    RED_SHARE,
    SEQUENCE_S,
    STEP,
    TEXTURE,
    parts,
)
from vision.signal import exponent

RECOVERY_VERSION: Final = "1"
"""Shown on the page. Another number whenever what it shows changes."""
WORDS: Final[dict[str, tuple[str, str]]] = {
    "title": ("Refill: recovery page", "Refill : page de recoloration"),
    "1": (
        "Brightness to the top; night colours, automatic brightness and dark mode off.",
        "Luminosité au maximum ; couleurs de nuit, luminosité automatique et mode sombre désactivés.",
    ),
    "2": (
        "Tap. Lay the plate flat on the middle of the screen, without pressing, and let nothing move.",
        "Touchez. Posez la plaque à plat au milieu de l'écran, sans appuyer, et ne bougez plus.",
    ),
    "3": ("Tap again to end.", "Touchez de nouveau pour finir."),
}
"""English and French."""


def write_page(path: Path, language: Literal["en", "fr"] = "en") -> None:
    """Write the page; raises `OSError` where it cannot be written. The same page is the same file, to the byte."""
    path.write_text(page(language), encoding="utf-8")


def page(language: Literal["en", "fr"] = "en") -> str:
    """Return the page."""
    said = {name: words[language == "fr"] for name, words in WORDS.items()}
    listed = "".join(f"<li>{said[name]}</li>" for name in ("1", "2", "3"))
    return (
        PAGE.replace("@LANGUAGE@", language)
        .replace("@TITLE@", said["title"])
        .replace("@VERSION@", RECOVERY_VERSION)
        .replace("@WORDS@", listed)
        .replace("@SHOWN@", json.dumps(_shown(), sort_keys=True))
    )


def _shown() -> dict[str, object]:
    """Return the numbers that the page draws from."""
    return {
        "blanched": BLANCHED,
        "flash_s": FLASH_S,
        "k": exponent(RED_SHARE),
        "parts": [[part.pressed_s, part.released_s, part.over_s, part.crt_s] for part in parts()],
        "red_share": RED_SHARE,
        "sequence_s": SEQUENCE_S,
        "step": STEP,
        "texture": TEXTURE,
    }


PAGE: Final = """<!doctype html>
<html lang="@LANGUAGE@">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>@TITLE@</title>
<style>
html, body { margin: 0; height: 100%; background: #fff; color: #000; font: 18px/1.5 sans-serif; }
main { padding: 2em; max-width: 30em; }
canvas { display: none; position: fixed; inset: 0; width: 100vw; height: 100vh; }
.on canvas { display: block; }
</style>
<main><h1>@TITLE@ v@VERSION@</h1><ol>@WORDS@</ol></main>
<canvas id="screen"></canvas>
<script>
"use strict";
const shown = @SHOWN@;
const TILE = 192, BLOCK = 24, BLOCKS = TILE / BLOCK;

function lightAt(since) {
  const at = since % shown.sequence_s - shown.flash_s;
  if (at < 0) return [1, 1, 1];
  let share = 1;
  for (const [pressed, released, over, crt] of shown.parts) {
    if (at >= pressed && at < released) share = 0;
    if (at >= released && at < over) share = 1 - Math.pow(10, -(at - released) / crt);
  }
  const h = Math.log1p(share * Math.expm1(shown.k * shown.step)) / shown.k;
  const green = h / (1 - shown.red_share);
  return [shown.red_share * green, green, green].map((less, n) => shown.blanched[n] * Math.exp(-less));
}

const linear = Array.from({ length: 257 }, (_, code) => {
  const share = Math.min(code / 255, 1);
  return share <= 0.04045 ? share / 12.92 : Math.pow((share + 0.055) / 1.055, 2.4);
});
function encoded(light) {
  return 255 * (light <= 0.0031308 ? 12.92 * light : 1.055 * Math.pow(light, 1 / 2.4) - 0.055);
}

let state = 20070;
function chance() {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 4294967296;
}
const levels = Array.from({ length: BLOCKS * BLOCKS }, () => 1 - shown.texture * chance());
const thresholds = Float32Array.from({ length: TILE * TILE * 3 }, chance);
const tile = document.createElement("canvas");
tile.width = tile.height = TILE;
const drawing = tile.getContext("2d"), pixels = drawing.createImageData(TILE, TILE);

function drawTile(light) {
  const low = new Uint8Array(levels.length * 3), part = new Float32Array(levels.length * 3);
  levels.forEach((level, block) => light.forEach((value, colour) => {
    const wanted = value * level, code = Math.min(Math.floor(encoded(wanted)), 254);
    low[block * 3 + colour] = code;
    part[block * 3 + colour] = (wanted - linear[code]) / (linear[code + 1] - linear[code]);
  }));
  for (let y = 0, from = 0, to = 0; y < TILE; y++) {
    for (let x = 0; x < TILE; x++, to++) {
      const block = 3 * (BLOCKS * Math.floor(y / BLOCK) + Math.floor(x / BLOCK));
      for (let colour = 0; colour < 3; colour++, from++, to++)
        pixels.data[to] = low[block + colour] + (thresholds[from] < part[block + colour] ? 1 : 0);
      pixels.data[to] = 255;
    }
  }
  drawing.putImageData(pixels, 0, 0);
}

const screenCanvas = document.getElementById("screen"), screenDrawing = screenCanvas.getContext("2d", { alpha: false });
let began = null, running = false, last = "";

function draw(now) {
  if (!running) return;
  if (began === null) began = now;
  const light = lightAt((now - began) / 1000), key = light.join();
  if (key !== last) {
    last = key;
    if (light[0] === 1) screenDrawing.fillStyle = "#fff";
    else {
      drawTile(light);
      screenDrawing.fillStyle = screenDrawing.createPattern(tile, "repeat");
    }
    screenDrawing.fillRect(0, 0, screenCanvas.width, screenCanvas.height);
  }
  requestAnimationFrame(draw);
}

document.addEventListener("click", async () => {
  running = !running;
  document.body.classList.toggle("on", running);
  if (!running) {
    if (document.fullscreenElement) document.exitFullscreen();
    return;
  }
  try { await document.documentElement.requestFullscreen(); } catch { /* then it is shown as it is */ }
  try { await navigator.wakeLock.request("screen"); } catch { /* then the screen must be set to stay on */ }
  screenCanvas.width = Math.round(innerWidth * devicePixelRatio);
  screenCanvas.height = Math.round(innerHeight * devicePixelRatio);
  began = null;
  last = "";
  requestAnimationFrame(draw);
});
</script>
</html>
"""
