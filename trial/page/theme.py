"""The look of the data managers' page: a desk by day, dense, readable without colour, contrasts of 4.5 : 1 or more."""

CSS: str = """
:root { --ink: #17212a; --quiet: #4c5964; --edge: #8b99a5; --act: #1f5a8a; --sheet: #ffffff; --ground: #f3f5f7; }
body { background: var(--ground); color: var(--ink); font: 15px/1.4 "DejaVu Sans", "Noto Sans", sans-serif; }
.nicegui-content { padding: 0; gap: 0; align-items: stretch; }
header.bar { display: flex; gap: 18px; align-items: baseline; padding: 10px 18px; background: var(--sheet);
  border-bottom: 1px solid var(--edge); flex-wrap: wrap; }
header.bar a { color: var(--act); text-decoration: none; } header.bar a[aria-current] { color: var(--ink);
  font-weight: 700; } header.bar .who { margin-left: auto; color: var(--quiet); }
header.bar .who a, main.sheet a { text-decoration: underline; color: var(--act); }
main.sheet { padding: 14px 18px; display: flex; flex-direction: column; gap: 12px; min-width: 0; }
h1 { font-size: 20px; line-height: 1.3; font-weight: 700; margin: 0; }
h2 { font-size: 16px; line-height: 1.3; font-weight: 700; margin: 8px 0 0; }
table.list { border-collapse: collapse; background: var(--sheet); font-variant-numeric: tabular-nums; }
table.list caption { text-align: left; padding: 2px 0 6px; }
table.list th, table.list td { border: 1px solid #c6ced5; padding: 4px 8px; text-align: left; vertical-align: top; }
table.list th { background: #e6ebef; } table.list td.number { text-align: right; }
table.list a { color: var(--act); }
p.frozen { margin: 0; padding: 4px 8px; border-left: 4px solid var(--ink); background: #e6ebef; }
.quiet { color: var(--quiet); } .wide { overflow-x: auto; }
.row { display: flex; gap: 10px; align-items: center; flex-wrap: wrap; }
.plots { display: flex; gap: 18px; flex-wrap: wrap; } .plots svg, .plots img { max-width: 100%; height: auto; }
.plots img { border: 1px solid #c6ced5; } main.sheet p { margin: 0; max-width: 70rem; }
main.sheet code { font: 14px "DejaVu Sans Mono", monospace; background: #e6ebef; padding: 1px 4px; }
form.filter { display: flex; gap: 10px; align-items: end; flex-wrap: wrap; } form.filter label { display: flex;
  flex-direction: column; font-size: 13px; color: var(--quiet); }
form.filter input, form.filter select, form.filter button { font: inherit; padding: 5px 8px;
  border: 1px solid var(--edge); border-radius: 4px; background: #fff; color: var(--ink); }
"""
