"""What the calibration's page adds to the look of the screen: tables of figures, curves, the strip of steps."""

from device.screen.theme import CSS as SCREEN

CSS: str = (
    SCREEN
    + """
.strip { letter-spacing: 1px; font-size: 15px; color: var(--text); flex: none; }
.top .title { margin: 0; font: 600 15px/1.2 "DejaVu Sans", "Noto Sans", sans-serif; letter-spacing: 0; flex: 1;
  min-width: 0; overflow: hidden; white-space: normal; color: var(--text); }
.instruction { font-size: 32px; line-height: 1.3; }
.wrap { overflow-wrap: anywhere; } td { overflow-wrap: break-word; }
.side button.key.act { font-size: 22px; }
a.key { display: flex; align-items: center; justify-content: center; min-height: 104px; border-radius: 10px;
  border: 2px solid var(--edge); background: var(--raised); color: var(--text); text-decoration: none;
  text-align: center; white-space: pre-line; font-size: 19px; padding: 6px; }
a.key:focus-visible { outline: 4px solid var(--act); outline-offset: -6px; }
.keys.five { grid-template-columns: repeat(5, 1fr); grid-auto-rows: 104px; flex: none; }
.asked { display: flex; gap: 14px; align-items: center; justify-content: space-between; flex: 1; min-height: 0;
  padding: 4px 14px; }
.asked .question { font-size: 17px; line-height: 1.2; flex: 1; min-width: 0; }
.asked .typed { text-align: right; flex: none; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(300px, 1fr)); gap: 8px; }
.plots svg { width: 100%; display: block; } .plots text { fill: var(--text); font-size: 15px; }
.axis { fill: none; stroke: var(--quiet); stroke-width: 1.5; } .point { fill: var(--text); }
.lines { font-size: 19px; color: var(--quiet); }
"""
)
