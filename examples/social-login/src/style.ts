/**
 * The style sheet: light and dark as the browser wants it, or as the person chose.
 */
export const style = `
:root { color-scheme: light dark; --paper: light-dark(#fff, #17191e); --ground: light-dark(#f3f4f7, #0e1013);
  --ink: light-dark(#1b1f27, #e9ebef); --soft: light-dark(#565d6b, #a5adba); --line: light-dark(#d5d9e0, #343a45);
  --main: light-dark(#2449b8, #9db6ff); --on-main: light-dark(#fff, #10182e); font: 1rem/1.5 system-ui, sans-serif }
[data-theme=light] { color-scheme: light } [data-theme=dark] { color-scheme: dark }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink) }
header { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; align-items: center; max-width: 44rem; margin: 0 auto; padding: .75rem 1rem }
header a { color: var(--ink); text-decoration: none; min-height: 44px; display: inline-flex; align-items: center }
header a:hover { text-decoration: underline } header .brand { font-weight: 700; margin-right: auto }
main { max-width: 44rem; margin: 0 auto; padding: 0 1rem 3rem }
section, .card { background: var(--paper); border: 1px solid var(--line); border-radius: .9rem; padding: 1.25rem 1.5rem; margin: 0 0 1rem }
.narrow { max-width: 26rem; margin-inline: auto }
h1 { font-size: 1.6rem; line-height: 1.25; margin: .75rem 0 1rem } h2 { font-size: 1.1rem; margin: 0 0 .75rem }
p { margin: 0 0 .75rem } .soft, small { color: var(--soft) } a { color: var(--main) }
button, .button { font: inherit; min-height: 44px; padding: .5rem 1.1rem; border-radius: .6rem; border: 1px solid var(--line);
  background: var(--paper); color: var(--ink); cursor: pointer; display: inline-flex; align-items: center; justify-content: center; text-decoration: none }
button:hover, .button:hover { border-color: var(--main) }
.main { background: var(--main); border-color: var(--main); color: var(--on-main) }
:focus-visible { outline: 3px solid var(--main); outline-offset: 2px }
.ways { list-style: none; margin: 0; padding: 0; display: grid; gap: .6rem } .ways .button { width: 100% }
.row { display: flex; flex-wrap: wrap; gap: .6rem; align-items: center } form { margin: 0 }
.accounts { list-style: none; margin: 0 0 1rem; padding: 0 }
.accounts li { display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: center; justify-content: space-between; padding: .6rem 0; border-top: 1px solid var(--line) }
.accounts li:first-child { border-top: 0 }
.badge { border: 1px solid var(--line); border-radius: 1rem; padding: .1rem .6rem; font-size: .85rem; color: var(--soft) }
dl { display: grid; grid-template-columns: auto 1fr; gap: .25rem 1rem; margin: 0 0 1rem } dt { color: var(--soft) } dd { margin: 0; overflow-wrap: anywhere }
label { display: block; margin-bottom: .75rem } input, select { font: inherit; width: 100%; min-height: 44px; padding: .4rem .7rem; border: 1px solid var(--soft);
  border-radius: .6rem; background: var(--paper); color: var(--ink) }
pre { white-space: pre-wrap; overflow-wrap: anywhere; padding: 1rem; border: 1px solid var(--line); border-radius: .6rem; margin: 0 0 1rem }
.who { display: flex; gap: 1rem; align-items: center } .who img { width: 3.5rem; height: 3.5rem; border-radius: 50% }
`;
