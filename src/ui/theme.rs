//! Every colour, distance and type size, by name. No other file of the window holds a number of these kinds.
//!
//! Pairs that mean something (sent and received, the severities) differ in lightness as well as in hue, and never stand
//! without a shape or a word. Text has a contrast of at least 4.5:1 on every ground it stands on; a test holds it.

use crate::app::Group;
use crate::dissect::{Kind, Record, Severity};
use crate::session::Mark;
use crate::wire::Dir;
use egui::{Color32, CornerRadius, FontFamily, FontId, Stroke, TextStyle, Theme, Visuals};

/// The colours of a theme.
#[derive(Clone, Copy)]
pub struct Colors {
    /// The ground that is read from: timeline, hex, fields.
    pub ground: Color32,
    /// The ground of bars and lists around it.
    pub bar: Color32,
    /// Fields to type into.
    pub input: Color32,
    /// Buttons.
    pub raised: Color32,
    /// Buttons under the pointer.
    pub raised_hover: Color32,
    /// Lines between areas.
    pub line: Color32,
    /// Every second field's bytes, every second row.
    pub tint: Color32,
    /// Text.
    pub text: Color32,
    /// Text that may be overlooked.
    pub weak: Color32,
    /// Titles, and what is most important.
    pub strong: Color32,
    /// What can be acted upon, and focus.
    pub accent: Color32,
    /// Text on the accent.
    pub on_accent: Color32,
    /// The ground of the selected row.
    pub selected: Color32,
    /// The ground of the row under the pointer.
    pub hover: Color32,
    /// Bits that are lit.
    pub lit: Color32,
    /// Digits on lit bits.
    pub on_lit: Color32,
    /// Bits of the field under the pointer.
    pub glow: Color32,
    /// Digits on it.
    pub on_glow: Color32,
    /// Received.
    pub received: Color32,
    /// Sent.
    pub sent: Color32,
    /// Worth knowing.
    pub info: Color32,
    /// Unwise.
    pub warning: Color32,
    /// Broken.
    pub error: Color32,
    /// In order.
    pub good: Color32,
    /// Heads of requests and answers.
    pub head: Color32,
    /// Control messages.
    pub control: Color32,
    /// Names of JSON members and fields.
    pub name: Color32,
    /// Strings.
    pub string: Color32,
    /// Numbers.
    pub number: Color32,
}

const fn rgb(hex: u32) -> Color32 {
    Color32::from_rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8)
}

/// Dark: near-black grounds with a touch of blue.
pub const DARK: Colors = Colors {
    ground: rgb(0x16181c),
    bar: rgb(0x1f2227),
    input: rgb(0x121417),
    raised: rgb(0x2d323a),
    raised_hover: rgb(0x39404a),
    line: rgb(0x343a43),
    tint: rgb(0x1f2329),
    text: rgb(0xd9dee5),
    weak: rgb(0x9aa4b1),
    strong: rgb(0xffffff),
    accent: rgb(0x4c9df0),
    on_accent: rgb(0x08131f),
    selected: rgb(0x1d3a5c),
    hover: rgb(0x252b33),
    lit: rgb(0xf5c542),
    on_lit: rgb(0x1a1400),
    glow: rgb(0x7d6420),
    on_glow: rgb(0xffffff),
    received: rgb(0x6cc4f5),
    sent: rgb(0xf0a54a),
    info: rgb(0x82b8f0),
    warning: rgb(0xf2bd4b),
    error: rgb(0xff8178),
    good: rgb(0x6fd0a8),
    head: rgb(0xc5a8f5),
    control: rgb(0x86c9b8),
    name: rgb(0x9cc9ff),
    string: rgb(0xb5d99c),
    number: rgb(0xf2b583),
};

/// Light: white paper, grey bars.
pub const LIGHT: Colors = Colors {
    ground: rgb(0xffffff),
    bar: rgb(0xf2f4f6),
    input: rgb(0xffffff),
    raised: rgb(0xe2e6ea),
    raised_hover: rgb(0xd3d9e0),
    line: rgb(0xd0d6dc),
    tint: rgb(0xf1f4f7),
    text: rgb(0x23282e),
    weak: rgb(0x565f6a),
    strong: rgb(0x000000),
    accent: rgb(0x0b5fb8),
    on_accent: rgb(0xffffff),
    selected: rgb(0xcfe3f8),
    hover: rgb(0xe9eef3),
    lit: rgb(0xffc928),
    on_lit: rgb(0x1c1600),
    glow: rgb(0xffedb8),
    on_glow: rgb(0x1c1600),
    received: rgb(0x00569b),
    sent: rgb(0x8f4300),
    info: rgb(0x0b5fb8),
    warning: rgb(0x7a5200),
    error: rgb(0xb01e17),
    good: rgb(0x0c6446),
    head: rgb(0x6a35b0),
    control: rgb(0x0d6052),
    name: rgb(0x0b4f96),
    string: rgb(0x33610f),
    number: rgb(0x8f4300),
};

/// The distance that others are multiples of.
pub const UNIT: f32 = 4.0;
/// Between things that belong together.
pub const GAP: f32 = UNIT;
/// Between groups.
pub const GROUP_GAP: f32 = 3.0 * UNIT;
/// Around the content of bars.
pub const MARGIN: f32 = 2.0 * UNIT;
/// A row of the timeline and of trees.
pub const ROW: f32 = 21.0;
/// A line of the hex view.
pub const HEX_ROW: f32 = 19.0;
/// The width of the scroll bar.
pub const SCROLL_BAR: f32 = 10.0;
/// The smallest handle of the scroll bar.
pub const SCROLL_HANDLE: f32 = 28.0;
/// The two lines that explain a field.
pub const HELP: f32 = 46.0;
/// The mark of a script's step.
pub const STEP_MARK: f32 = 18.0;
/// Its number.
pub const STEP_NUMBER: f32 = 34.0;
/// Its verb.
pub const STEP_VERB: f32 = 76.0;
/// The fields, at their narrowest.
pub const FIELDS: f32 = 214.0;
/// Width of the names of a finding's parts.
pub const FINDING_NAME: f32 = 44.0;
/// The height of a progress bar in a line of small text.
pub const PROGRESS: f32 = 16.0;
/// One step of a tree to the right.
pub const INDENT: f32 = 14.0;
/// The list at the left.
pub const SIDEBAR: f32 = 208.0;
/// The activity over time, its axis included.
pub const STRIP: f32 = 50.0;
/// Its axis.
pub const STRIP_AXIS: f32 = 14.0;
/// The least width of a bar of it, the gap beside it included.
pub const STRIP_BAR: f32 = 3.0;
/// Between two marks of an axis, at least.
pub const TICK: f32 = 96.0;
/// A histogram, at its narrowest.
pub const PLOT: f32 = 300.0;
/// The tables of figures, at their narrowest.
pub const FIGURES: f32 = 508.0;
/// A row of figures.
pub const FIGURE_ROW: f32 = 17.0;
/// A column of figures.
pub const FIGURE: f32 = 62.0;
/// The name of a line of a form.
pub const FORM_NAME: f32 = 52.0;
/// A field for a number.
pub const NUMBER: f32 = 64.0;
/// A field for paths or a filter.
pub const PATHS: f32 = 120.0;
/// A list to choose from.
pub const CHOICE: f32 = 130.0;
/// Its margins and its arrow.
pub const CHOICE_ARROW: f32 = 34.0;
/// What became of a message, in the comparison of two sides.
pub const DIFFERENCE: f32 = 168.0;
/// Corners.
pub const ROUND: u8 = 4;
/// A card of the first-run page.
pub const CARD: [f32; 2] = [348.0, 62.0];
/// The first-run page and the palette.
pub const PAGE: f32 = 724.0;
/// What menus leave free of the window's height.
pub const MENU_MARGIN: f32 = 56.0;
/// The least height of the timeline with its filter, however large the details are made.
pub const TIMELINE: f32 = 200.0;
/// What an open foldout leaves free of the window's height: bars, timeline, details.
pub const BESIDE_FOLDOUT: f32 = 550.0;
/// An open foldout, at its highest.
pub const FOLDOUT: f32 = 420.0;
/// The bytes of raw frames before they are sent; of one height, so that nothing jumps while they are typed.
pub const FRAME_BYTES: f32 = 54.0;
/// The rules that they break, likewise.
pub const FRAME_RULES: f32 = 34.0;
/// Details of this height show no more than fields and bytes.
pub const LOW: f32 = 140.0;
/// The line under what is wrong.
pub const UNDERLINE: f32 = 1.5;
/// The text of the find bar.
pub const FIND: f32 = 300.0;
/// The list of what a filter may be completed to.
pub const OFFERS: f32 = 620.0;
/// The button that follows, with room for millions of new rows.
pub const FOLLOW: f32 = 132.0;
/// A column of keys with what they do.
pub const HINTS: f32 = 300.0;
/// A tooltip is no wider.
pub const TOOLTIP: f32 = 360.0;
/// A button that should not change its width with its text.
pub const BUTTON: f32 = 92.0;
/// Room for a button beside a message.
pub const MESSAGE_BUTTON: f32 = 126.0;
/// The choice of an environment.
pub const ENVIRONMENT: f32 = 104.0;
/// A name that is changed in its place.
pub const EDIT: f32 = 240.0;
/// A line of the list of recordings.
pub const LIBRARY_ROW: f32 = 23.0;
/// The results of a search below the list of recordings, at first.
pub const RESULTS: f32 = 240.0;
/// A box of the bit ruler.
pub const BIT: f32 = 15.0;
/// A button of the play bar.
pub const PLAY: f32 = 28.0;
/// The speed of playback.
pub const SPEED: f32 = 58.0;
/// A row of the list of remarks, with room to write in.
pub const REMARK_ROW: f32 = 28.0;
/// The height of the strip's flags.
pub const FLAG: f32 = 12.0;
/// Flags on the scrubber at most.
pub const MOST_FLAGS: usize = 400;
/// The height of a remark's words while they are written, at most.
pub const REMARK: f32 = 120.0;
/// Text for reading.
pub const BODY: f32 = 13.5;
/// Text beside it.
pub const SMALL: f32 = 12.0;
/// Bytes and payloads.
pub const MONO: f32 = 13.0;
/// Titles.
pub const TITLE: f32 = 26.0;
/// Headings of lists.
pub const HEADING: f32 = 15.0;

/// The colours in force.
pub fn colors(ui: &egui::Ui) -> &'static Colors {
    if ui.visuals().dark_mode { &DARK } else { &LIGHT }
}

/// What an empty field says of what belongs into it.
pub fn hint(ui: &egui::Ui, text: &str) -> egui::RichText {
    egui::RichText::new(text).color(colors(ui).weak)
}

/// The face for bytes, payloads and numbers that stand in columns.
pub fn mono() -> FontId {
    FontId::new(MONO, FontFamily::Monospace)
}

/// The face for everything else.
pub fn body() -> FontId {
    FontId::new(BODY, FontFamily::Proportional)
}

/// The face for what stands beside.
pub fn small() -> FontId {
    FontId::new(SMALL, FontFamily::Proportional)
}

impl Colors {
    /// The colour of a direction.
    pub fn dir(&self, dir: Dir) -> Color32 {
        match dir {
            Dir::In => self.received,
            Dir::Out => self.sent,
        }
    }

    /// A colour for what stands behind others of its kind.
    pub fn quiet(&self, color: Color32) -> Color32 {
        color.gamma_multiply(0.32)
    }

    /// The colour of a severity.
    pub fn severity(&self, severity: Severity) -> Color32 {
        match severity {
            Severity::None => self.weak,
            Severity::Info => self.info,
            Severity::Warning => self.warning,
            Severity::Error => self.error,
        }
    }

    /// The colour of a mark; each has a shape as well.
    pub fn mark(&self, mark: Mark) -> Color32 {
        match mark {
            Mark::Plain => self.strong,
            Mark::Red => self.error,
            Mark::Orange => self.sent,
            Mark::Green => self.good,
            Mark::Blue => self.received,
            Mark::Purple => self.head,
        }
    }

    /// The colour of what is said beside a mark.
    pub fn mark_text(&self, mark: Mark) -> Color32 {
        if mark == Mark::Plain { self.weak } else { self.mark(mark) }
    }

    /// The colour of a record's kind.
    pub fn kind(&self, record: &Record) -> Color32 {
        match (record.kind, Group::of(record)) {
            (Kind::Failed | Kind::Gap, _) => self.error,
            (Kind::Stall | Kind::Login, _) => self.warning,
            (_, Group::Messages) => self.strong,
            (_, Group::Control) => self.control,
            (_, Group::Heads) => self.head,
            (_, Group::Link | Group::Layers) => self.weak,
        }
    }
}

/// The shape that goes with a severity.
pub fn severity_mark(severity: Severity) -> &'static str {
    match severity {
        Severity::None => "",
        Severity::Info => "ℹ",
        Severity::Warning => "⚠",
        Severity::Error => "✖",
    }
}

/// Puts both themes into a context.
pub fn install(ctx: &egui::Context) {
    for (theme, colors) in [(Theme::Dark, &DARK), (Theme::Light, &LIGHT)] {
        ctx.set_visuals_of(theme, visuals(theme, colors));
        ctx.style_mut_of(theme, |style| {
            style.text_styles = [
                (TextStyle::Body, body()),
                (TextStyle::Button, body()),
                (TextStyle::Small, small()),
                (TextStyle::Monospace, mono()),
                (TextStyle::Heading, FontId::new(HEADING, FontFamily::Proportional)),
            ]
            .into();
            style.spacing.item_spacing = egui::vec2(1.5 * UNIT, GAP);
            style.spacing.button_padding = egui::vec2(MARGIN, 0.75 * UNIT);
            style.spacing.interact_size.y = 24.0;
            style.spacing.menu_width = 280.0;
            style.spacing.combo_width = 60.0;
            style.animation_time = 0.08;
        });
    }
}

fn visuals(theme: Theme, colors: &Colors) -> Visuals {
    let mut visuals = match theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(colors.weak);
    visuals.panel_fill = colors.bar;
    visuals.window_fill = colors.bar;
    visuals.window_stroke = Stroke::new(1.0, colors.line);
    visuals.extreme_bg_color = colors.input;
    visuals.text_edit_bg_color = Some(colors.input);
    visuals.faint_bg_color = colors.tint;
    visuals.code_bg_color = colors.tint;
    visuals.hyperlink_color = colors.accent;
    visuals.warn_fg_color = colors.warning;
    visuals.error_fg_color = colors.error;
    visuals.selection.bg_fill = colors.selected;
    visuals.selection.stroke = Stroke::new(1.0, colors.strong);
    let round = CornerRadius::same(ROUND);
    visuals.window_corner_radius = round;
    visuals.menu_corner_radius = round;
    let widgets = &mut visuals.widgets;
    let states = [
        (&mut widgets.noninteractive, colors.bar, colors.line, colors.text),
        (&mut widgets.inactive, colors.raised, colors.line, colors.text),
        (&mut widgets.hovered, colors.raised_hover, colors.accent, colors.strong),
        (&mut widgets.active, colors.raised_hover, colors.accent, colors.strong),
        (&mut widgets.open, colors.raised_hover, colors.accent, colors.strong),
    ];
    for (widget, fill, line, text) in states {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, line);
        widget.fg_stroke = Stroke::new(1.0, text);
        widget.corner_radius = round;
        widget.expansion = 0.0;
    }
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(color: Color32) -> f64 {
        let channel = |value: u8| {
            let value = f64::from(value) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * channel(color.r()) + 0.7152 * channel(color.g()) + 0.0722 * channel(color.b())
    }

    fn contrast(a: Color32, b: Color32) -> f64 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_ground() {
        for (theme, c) in [("dark", DARK), ("light", LIGHT)] {
            let grounds = [c.ground, c.bar, c.input, c.tint, c.hover, c.selected];
            let texts = [
                c.text, c.weak, c.strong, c.received, c.sent, c.info, c.warning, c.error, c.good, c.head, c.control,
                c.name, c.string, c.number,
            ];
            for (g, ground) in grounds.into_iter().enumerate() {
                for (t, text) in texts.into_iter().enumerate() {
                    let ratio = contrast(text, ground);
                    assert!(ratio >= 4.5, "{theme}: text {t} on ground {g} has {ratio:.2}");
                }
            }
            let pairs = [
                (c.on_lit, c.lit),
                (c.on_glow, c.glow),
                (c.on_accent, c.accent),
                (c.text, c.raised),
                (c.strong, c.raised_hover),
            ];
            for (at, (text, ground)) in pairs.into_iter().enumerate() {
                let ratio = contrast(text, ground);
                assert!(ratio >= 4.5, "{theme}: pair {at} has {ratio:.2}");
            }
        }
    }

    #[test]
    fn sent_and_received_differ_without_colour() {
        for c in [DARK, LIGHT] {
            assert_ne!(c.sent, c.received);
            assert_ne!(crate::ui::words::arrow(Dir::In), crate::ui::words::arrow(Dir::Out));
        }
    }
}
