/** The form of a new instrument: only the sources of its type are asked for. */

const form = document.getElementById("instrument-form");
const type = form.elements.asset_class;
const groups = [...form.querySelectorAll("fieldset[data-asset-class]")];

function draw() {
  for (const group of groups) {
    // What is wrong stays in sight, also where another type was chosen meanwhile.
    const isWrong = group.querySelector("[data-invalid]") !== null;
    group.hidden = group.dataset.assetClass !== type.value && !isWrong;
    group.disabled = group.hidden;
  }
}

type.addEventListener("change", draw);
// A browser that goes back puts the fields as they were after this.
window.addEventListener("pageshow", draw);
draw();
