// The rules of html-validate for our pages: all that it recommends, but for these.

export default {
    root: true,
    extends: ["html-validate:recommended"],
    rules: {
        // Jinja leaves the indentation of what it takes out; it is not worth a filter in each template.
        "no-trailing-whitespace": "off",
        // HTML's own style: any case will do, and the standard writes its examples in this one.
        "doctype-style": ["error", { style: "lowercase" }],
        // Boxes of one name are how a form sends several choices.
        "form-dup-name": ["error", { shared: ["radio", "checkbox", "button", "submit", "reset"] }],
    },
};
