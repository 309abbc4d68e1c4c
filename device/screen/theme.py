"""The look of the screen: dark for the night, neutral for technical states, readable without colour, large for gloves.

No red and no yellow: on a ward these are alarms. Contrasts are 4.5 : 1 or more. The 7-inch display has 5.2 px a mm, so
a target of 20 mm is 104 px; on a tablet it is the same number of CSS px, which are about as large there.
"""

TARGET_PX: int = 104

CSS: str = """
:root { --ground: #10161b; --raised: #1d272f; --edge: #6f8596; --text: #eef3f6; --quiet: #b4c2cc; --act: #9cc8ee; }
* { box-sizing: border-box; }
html, body { margin: 0; height: 100%; background: var(--ground); color: var(--text); overflow: hidden;
  font: 22px/1.25 "DejaVu Sans", "Noto Sans", sans-serif; -webkit-user-select: none; user-select: none; }
.nicegui-content { padding: 0 !important; gap: 0 !important; height: 100vh; width: 100vw; display: flex;
  flex-direction: column; }
.q-loading-bar { display: none; }
.top { display: flex; gap: 14px; align-items: center; height: 44px; padding: 0 10px; font-size: 15px;
  color: var(--quiet);
  flex: none; width: 100%; overflow: hidden; white-space: nowrap; }
.top-row { display: flex; gap: 14px; min-width: 0; overflow: hidden; }
.top .say { color: var(--text); flex: none; }
.body { display: flex; flex: 1; min-height: 0; width: 100%; gap: 8px; padding: 0 8px 8px; }
.main { flex: 1; min-width: 0; display: flex; flex-direction: column; gap: 8px; }
.side { width: 136px; flex: none; display: flex; flex-direction: column; gap: 2px; }
.side.wide { width: 190px; gap: 3px; }
.rowed { display: flex; gap: 8px; align-items: stretch; }
.keys { display: grid; grid-template-columns: repeat(4, 1fr); gap: 6px; flex: 1; }
.keys.list { flex: none; grid-auto-rows: minmax(104px, auto); }
.keys.wide { grid-template-columns: repeat(2, 1fr); } .keys.one { grid-template-columns: 1fr; }
.keys.three { grid-template-columns: repeat(3, 1fr); }
.keys.seven { grid-template-columns: repeat(5, 1fr); grid-auto-rows: 104px; }
.side.pair { width: 232px; display: grid; grid-template-columns: 1fr 1fr; grid-auto-rows: 1fr; gap: 6px; }
.side.pair button.key, button.key.small { font-size: 19px; }
button.key.row { text-align: left; font-size: 20px; }
.taking { position: relative; display: flex; align-items: center; justify-content: center; min-height: 104px;
  border-radius: 10px; background: var(--act); color: #08121a; font-size: 34px; font-weight: 700; }
.taking input { position: absolute; inset: 0; opacity: 0; width: 100%; height: 100%; cursor: pointer; }
.taking:focus-within { outline: 4px solid var(--text); outline-offset: -6px; }
.photo { touch-action: none; cursor: crosshair; } .photo svg { width: 100%; height: 100%; display: block; }
.photo, img.found { min-width: 0; min-height: 0; background: #000; border-radius: 10px; overflow: hidden; }
img.found { object-fit: contain; height: 100%; width: 68%; flex: none; }
.cross, .halo { fill: none; stroke: #fff; stroke-width: 2.5; vector-effect: non-scaling-stroke; }
.halo { stroke: #000; stroke-width: 6; }
text.number { fill: #fff; stroke: #000; stroke-width: .15em; paint-order: stroke; font-weight: 700; }
button.key { min-height: 104px; min-width: 104px; border: 2px solid var(--edge); border-radius: 10px;
  background: var(--raised);
  color: var(--text); font: inherit; padding: 6px; cursor: pointer; touch-action: manipulation;
  white-space: pre-line; overflow-wrap: anywhere; }
.side button.key { font-size: 19px; }
button.key:focus-visible, .scroll:focus-visible { outline: 4px solid var(--act); outline-offset: -6px; }
button.key[disabled] { color: var(--quiet); border-style: dashed; cursor: default; }
button.key.chosen { border: 6px solid var(--act); font-weight: 700; }
button.key.grow { flex: 1; }
button.key.act { background: var(--act); color: #08121a; border-color: var(--act); font-size: 34px;
  font-weight: 700; }
button.key.stop { flex: 1; background: #f3f6f8; color: #0c1216; border: 8px double #0c1216; font-size: 30px;
  font-weight: 700; }
.card { background: var(--raised); border-radius: 10px; padding: 8px 14px; }
.quiet { color: var(--quiet); font-size: 18px; }
.big { font-size: 30px; font-weight: 700; }
.huge { font-size: 112px; line-height: 1; font-weight: 700; }
.typed { font-size: 44px; letter-spacing: 4px; min-height: 56px; font-variant-numeric: tabular-nums; }
.grow { flex: 1; min-height: 0; }
.scroll { overflow-y: auto; }
.graph { height: 150px; } .graph svg { width: 100%; height: 100%; }
.curve, .thin { fill: none; stroke: var(--text); stroke-width: 3; vector-effect: non-scaling-stroke; }
.thin { stroke-width: 1.5; }
.dot { stroke: var(--text); stroke-width: 12; stroke-linecap: round; vector-effect: non-scaling-stroke; }
.mark { stroke: var(--act); stroke-width: 2; stroke-dasharray: 6 5; vector-effect: non-scaling-stroke; }
.limit { stroke: var(--act); stroke-width: 2; stroke-dasharray: 10 6; vector-effect: non-scaling-stroke; }
table { border-collapse: collapse; width: 100%; font-size: 18px; } th { text-align: left; color: var(--quiet);
  font-weight: 400; }
td, th { padding: 5px 8px; border-bottom: 1px solid #34424d; font-variant-numeric: tabular-nums; }
ol.steps { margin: 0; padding-left: 30px; font-size: 22px; } ol.steps li { margin-bottom: 9px; }
"""
