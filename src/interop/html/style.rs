//! The look of the page: light and dark as the reader's system has it, and for paper.

/// The style sheet. It names no address.
pub(super) const STYLE: &str = r#"
:root{color-scheme:light dark;--ground:#fff;--bar:#f2f4f6;--line:#d0d6dc;--text:#23282e;--weak:#565f6a;--strong:#000;
--accent:#0b5fb8;--in:#00569b;--out:#8f4300;--warning:#7a5200;--error:#b01e17;--info:#0b5fb8;--good:#0c6446;
--head:#6a35b0;--hover:#e9eef3;--chip:#e2e6ea}
@media (prefers-color-scheme:dark){:root{--ground:#16181c;--bar:#1f2227;--line:#343a43;--text:#d9dee5;--weak:#9aa4b1;
--strong:#fff;--accent:#4c9df0;--in:#6cc4f5;--out:#f0a54a;--warning:#f2bd4b;--error:#ff8178;--info:#82b8f0;
--good:#6fd0a8;--head:#c5a8f5;--hover:#252b33;--chip:#2d323a}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:80rem;padding:1.75rem 1.5rem 3rem;background:var(--ground);color:var(--text);
font:14px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;line-height:1.25;margin:0 0 .25rem;color:var(--strong);unicode-bidi:isolate}
h2{font-size:1.05rem;margin:2.25rem 0 .6rem;color:var(--strong)}
p{margin:.3rem 0}
a{color:var(--accent)}
.weak,footer{color:var(--weak)}
footer{margin-top:2.5rem;padding-top:.75rem;border-top:1px solid var(--line);font-size:.9em}
.mono,pre,.rows,td.mono{font-family:ui-monospace,"Cascadia Mono","SF Mono",Menlo,Consolas,"DejaVu Sans Mono",monospace;
font-size:12.5px}
.x{font-style:normal;color:var(--error);background:var(--chip);border-radius:2px}
.tiles{display:flex;flex-wrap:wrap;gap:.5rem 2.25rem;margin:1.1rem 0 0;padding:0;list-style:none}
.tiles b{display:block;font-size:1.2rem;font-weight:600;color:var(--strong);line-height:1.3;font-variant-numeric:tabular-nums}
.tiles span{color:var(--weak)}
table{border-collapse:collapse;width:100%}
th{font-weight:600;color:var(--weak);text-align:left;white-space:nowrap}
th,td{padding:.35rem 1.1rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.t{unicode-bidi:isolate}
svg{display:block;width:100%;height:auto;background:var(--bar);border-radius:6px}
svg text{fill:var(--weak);font:11px system-ui,sans-serif}
svg .in{fill:var(--in)}svg .out{fill:var(--out)}svg .mid{stroke:var(--line)}
svg .warning{fill:var(--warning)}svg .error{fill:var(--error)}svg .mark{stroke:var(--accent);stroke-width:1.5}
.legend{display:flex;gap:1.25rem;color:var(--weak);font-size:.92em;margin-top:.35rem;flex-wrap:wrap}
.in{color:var(--in)}.out{color:var(--out)}
.card{border:1px solid var(--line);border-left-width:4px;border-radius:6px;padding:.65rem .9rem;margin:.6rem 0}
.card.error{border-left-color:var(--error)}.card.warning{border-left-color:var(--warning)}
.card.info{border-left-color:var(--info)}
.card h3{margin:0;font-size:1rem;color:var(--strong)}
.card dl{margin:.4rem 0 0;display:grid;grid-template-columns:4rem 1fr;gap:.15rem .5rem}
.card dt{color:var(--weak)}.card dd{margin:0;white-space:pre-wrap}
.rows{border-top:1px solid var(--line);margin-top:.5rem}
.row{display:grid;grid-template-columns:1rem minmax(3.2rem,auto) 6.4rem 5rem 1.2rem 9.5rem 4.6rem minmax(0,1fr);gap:0 .6rem;
padding:.22rem .25rem;align-items:baseline}
.rows>details,.rows>.row{border-bottom:1px solid var(--line)}
.top{color:var(--weak);position:sticky;top:0;background:var(--ground);font-weight:600}
.row>span{white-space:nowrap;overflow:hidden;text-overflow:ellipsis}
.row .n{text-align:right;font-variant-numeric:tabular-nums}
.row .s{unicode-bidi:isolate}
.row em{font-style:normal;font-family:system-ui,sans-serif}
.row .long{color:var(--strong);font-weight:600}
summary{cursor:pointer;list-style:none;display:block}
summary::-webkit-details-marker{display:none}
summary:hover,summary:focus-visible{background:var(--hover)}
summary .f::before{content:"▸";color:var(--weak)}
details[open]>summary .f::before{content:"▾"}
details[open]>summary{background:var(--bar)}
:target{outline:2px solid var(--accent);outline-offset:-2px}
.layer .k,.layer .s,.fact .k{color:var(--weak)}.head .k{color:var(--head)}.msg .k{color:var(--strong)}
.warning em,.note.warning b{color:var(--warning)}.error em,.note.error b{color:var(--error)}.note.info b{color:var(--info)}
.body{padding:.5rem 1rem 1rem 1.85rem;background:var(--bar)}
.body h4{margin:.8rem 0 .25rem;font:600 12px system-ui,sans-serif;color:var(--weak)}
.body td,.body th{padding:.12rem .9rem .12rem 0;border:0}
.body td.l{white-space:nowrap}.d1{padding-left:1rem!important}.d2{padding-left:2rem!important}.d3{padding-left:3rem!important}
.more{margin-top:.8rem}.more>summary{font:600 12px system-ui,sans-serif;color:var(--weak)}
.more>summary::before{content:"▸ "}.more[open]>summary::before{content:"▾ "}.more[open]>summary{background:none}
.note{font-family:system-ui,sans-serif;font-size:13px;margin:.15rem 0}
.remark{font-family:system-ui,sans-serif;font-size:13px;border-left:3px solid var(--accent);padding-left:.6rem;margin:.3rem 0}
.remark.red{border-color:#c9302c}.remark.orange{border-color:#d9822b}.remark.green{border-color:#2e8b57}
.remark.blue{border-color:#2f6fd0}.remark.purple{border-color:#8250c4}
pre{margin:0;white-space:pre-wrap;overflow-wrap:anywhere;max-height:28rem;overflow:auto;background:var(--ground);
border:1px solid var(--line);border-radius:4px;padding:.5rem .7rem;unicode-bidi:plaintext}
pre.hex{white-space:pre;overflow-wrap:normal;unicode-bidi:normal}
@media (max-width:52rem){body{padding:1rem .75rem}.row{grid-template-columns:1rem auto auto 1.2rem auto 1fr}
.row>.g,.row>.z,.c{display:none}}
@media print{body{max-width:none;padding:0}.top{position:static}pre{max-height:none}details{break-inside:avoid}}
"#;

#[cfg(test)]
mod tests {
    #[test]
    fn the_style_sheet_loads_nothing_and_ends_nowhere() {
        assert!(!super::STYLE.contains("url(") && !super::STYLE.contains("@import") && !super::STYLE.contains('<'));
    }
}
