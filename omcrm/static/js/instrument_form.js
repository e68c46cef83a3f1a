/** The form of a new instrument: shows the sources and the usual values of its type. */

const form = document.getElementById("instrument-form");
const type = form.elements.asset_class;
const groups = [...form.querySelectorAll("fieldset[data-asset-class]")];

const usual = JSON.parse(form.dataset.usual);
const usualCalendar = form.elements.calendar.options[0];

function draw() {
  drawGroups();
  const { calendar, ...texts } = usual[type.value];
  usualCalendar.text = `${calendar} (usual)`;
  for (const [name, text] of Object.entries(texts)) {
    form.elements[name].placeholder = text;
  }
}

function drawGroups() {
  for (const group of groups) {
    // A field with an error stays visible, also where another type was chosen meanwhile.
    const isWrong = group.querySelector("[data-invalid]") !== null;
    group.hidden = !group.dataset.assetClass.split(" ").includes(type.value) && !isWrong;
    group.disabled = group.hidden;
  }
}

type.addEventListener("change", draw);
// After the back button the browser restores the fields later than this.
window.addEventListener("pageshow", draw);
draw();
