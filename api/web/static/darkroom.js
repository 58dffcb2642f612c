// What makes the pages live. Without it they are complete, only still.

import { watch } from "./live.js";
import { fill } from "./chunks.js";
import { view } from "./viewer.js";
import { compose } from "./compose.js";
import { localise } from "./morph.js";

document.documentElement.classList.add("scripted");
localise(document);
for (const place of document.querySelectorAll("[data-live]")) watch(place);
fill();
view();
for (const form of document.querySelectorAll("[data-new]")) compose(form);
